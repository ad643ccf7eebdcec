"""Tests of the page with a study's tags, the researchers, and the deletion of the study."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from study_server.clock import now
from study_server.jobs.queue import DEAD_AFTER, list_jobs, request_job
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import LoggedAction
from study_server.studies import researchers
from study_server.studies.action_log import log_action
from study_server.studies.lookup import find_or_none, find_study
from study_server.views.researcher.study.pay import LOGGED_AS
from study_server.vocabulary import JobKind, JobState, StudyState
from tests.study_server.browsing import csrf_token, post_form, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SETTINGS = "/researcher/studies/short/settings"


def post(client: FlaskClient, address: str, **form: str) -> TestResponse:
    return post_form(client, SETTINGS, f"{SETTINGS}{address}", **form)


def test_tags_are_saved_and_wrong_ones_are_explained(client: FlaskClient) -> None:
    assert post(client, "/tags", tags="pilot, spring").location == SETTINGS
    assert 'value="pilot spring"' in client.get(SETTINGS).text
    refused = post(client, "/tags", tags="a/b")
    assert (refused.status_code, "'a/b' is not a tag" in words(refused)) == (409, True)
    assert 'value="pilot spring"' in client.get(SETTINGS).text


def test_a_new_researcher_signs_in_by_a_link_and_gets_another_role(
    client: FlaskClient, app: Flask
) -> None:
    page = post(client, "/invite", name="Bob", role="viewer")
    (link,) = re.findall(r"http://localhost(/researcher/enter/[^<]+)", page.text)
    bob = app.test_client()
    assert bob.post(link, data={"csrf_token": csrf_token(bob.get(link))}).status_code == 303
    assert post(bob, "/tags", tags="mine").status_code == 403
    assert post(client, "/role", name="Bob", role="owner").location == SETTINGS
    assert post(bob, "/tags", tags="mine").status_code == 303
    assert "invited Bob as a viewer" in client.get("/researcher/log").text


def test_the_last_owner_stays_one(client: FlaskClient, app: Flask) -> None:
    refused = post(client, "/role", name="ada", role="viewer")
    assert (refused.status_code, "ada is the last owner" in words(refused)) == (409, True)
    assert post(client, "/role", name="ada", role="king").status_code == 409
    with read_session(app.extensions["engine"]) as db:
        assert [one.role for one in researchers.list_researchers(db)] == ["owner"]


def test_a_study_is_deleted_when_its_slug_is_typed(
    client: FlaskClient, frozen: Flask, tmp_path: Path
) -> None:
    engine = frozen.extensions["engine"]
    assert "The study is open" in words(client.get(SETTINGS))
    assert post(client, "/delete", slug="short").status_code == 409
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.CLOSED
    assert "deletes 48 stimuli, 1 live participant, 7 live answers" in words(client.get(SETTINGS))
    assert post(client, "/backup").location == SETTINGS
    (backup,) = (tmp_path / "instance" / "backups").iterdir()
    assert str(backup) in words(client.get(SETTINGS))
    refused = post(client, "/delete", slug="shirt")
    assert (refused.status_code, "so nothing was deleted" in words(refused)) == (409, True)
    assert list((tmp_path / "instance" / "stimuli").rglob("*.png"))
    reports = write_reports(tmp_path / "instance")
    assert "Report</a>" in client.get("/researcher").text
    assert post(client, "/delete", slug="short").location == "/researcher"
    with read_session(engine) as db:
        assert find_or_none(db, "short") is None
    assert not list((tmp_path / "instance" / "stimuli").rglob("*.png"))
    assert not reports.exists()
    assert "deleted the study" in client.get("/researcher/log").text


def write_reports(instance: Path) -> Path:
    """Write a report on live participants, and one on simulated ones; return their folder."""
    folder = instance / "reports" / "short"
    (folder / "simulated").mkdir(parents=True)
    for name in ("report.html", "simulated/report.html", "monitor.json", "power.json"):
        (folder / name).write_text("old")
    return folder


def test_a_study_is_not_deleted_while_its_job_would_write_files(
    client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        study.state = StudyState.CLOSED
        job = request_job(db, JobKind.REPORT, requested_by="ada", study_id=study.id)
        job.state, job.claim, job.heartbeat_at = JobState.RUNNING, "x", now()
    refused = post(client, "/delete", slug="short")
    assert (refused.status_code, "background job" in words(refused)) == (409, True)
    with write_transaction(app.extensions["engine"]) as db:  # its process has died
        list_jobs(db)[0].heartbeat_at = now() - 2 * DEAD_AFTER
    assert post(client, "/delete", slug="short").status_code == 303


def test_payments_of_a_deleted_study_are_not_those_of_a_new_one(
    client: FlaskClient, app: Flask
) -> None:
    pay = SETTINGS.replace("/settings", "/pay")
    with write_transaction(app.extensions["engine"]) as db:
        study, early = find_study(db, "short"), timedelta(hours=1)
        for text, at in (("9 paid", study.created_at - early), ("3 paid", now())):
            log_action(db, "short", f"{LOGGED_AS}{text}", "ada")
            db.flush()
            newest = select(LoggedAction).order_by(LoggedAction.id.desc()).limit(1)
            db.scalars(newest).one().done_at = at
    page = words(client.get(pay))
    assert ("3 paid" in page, "9 paid" in page) == (True, False)
