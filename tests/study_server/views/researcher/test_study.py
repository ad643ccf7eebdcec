"""Tests of a study's page, its state, its participants and its downloads."""

import csv
import io
import json
import re
import zipfile
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from study_server.export.codebook import RESPONSE_COLUMNS
from study_server.participants import enrollment
from study_server.participants.responses import SubmittedResponse
from study_server.recruitment.arrival import prolific_completion_code
from study_server.settings import find_resource_folder
from study_server.storage.engine import write_transaction
from study_server.storage.models import Participant, Unblinding
from study_server.studies import researchers
from study_server.studies.design import AnalysisPlan, freeze_study, hash_wording
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, StudyState
from tests.study_server.acting import name_fake, respond, upcoming
from tests.study_server.browsing import csrf_token

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser in which Ada is signed in."""
    with write_transaction(app.extensions["engine"]) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password("correct horse battery"))
    client = app.test_client()
    form = {"name": "ada", "password": "correct horse battery"}
    form["csrf_token"] = csrf_token(client.get("/researcher/login"))
    assert client.post("/researcher/login", data=form).status_code == 303
    return client


@pytest.fixture
def frozen(app: Flask) -> Flask:
    """Return an app whose study has a design for two participants, one of them complete."""
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        wording = hash_wording(db, study, find_resource_folder("templates"))
        freeze_study(db, study, AnalysisPlan(participants=2), wording)
        person = enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        while trials := upcoming(db, person):
            answer = SubmittedResponse(name_fake(trials[0]), 640, 100, 100)
            respond(db, person, trials[0], answer)
    return app


def post(client: FlaskClient, address: str, **form: str) -> TestResponse:
    token = csrf_token(client.get(STUDY))
    return client.post(f"{STUDY}{address}", data=form | {"csrf_token": token})


def state(app: Flask) -> StudyState:
    with write_transaction(app.extensions["engine"]) as db:
        return find_study(db, "short").state


def words(page: TestResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_the_page_shows_the_progress_of_the_study(client: FlaskClient, frozen: Flask) -> None:
    page = words(client.get(STUDY))
    for text in (
        "started 1", "complete (2 planned) 1", "passed attention checks 100%",
        "images that failed to load 0", "exposures within a frame 100.0%",
        "nobody would be excluded", "1 started 1 complete 2 planned", "7 responses are stored",
    ):  # fmt: skip
        assert text in page


def test_the_page_shows_the_links_and_codes_for_platforms(
    client: FlaskClient, frozen: Flask
) -> None:
    page = words(client.get(STUDY))
    assert "Prolific http://localhost/s/short?PROLIFIC_PID={{%PROLIFIC_PID%}}&" in page
    assert "SONA http://localhost/s/short?survey_code=%SURVEY_CODE%" in page
    with write_transaction(frozen.extensions["engine"]) as db:
        code = prolific_completion_code(db, find_study(db, "short"), Outcome.COMPLETE)
    assert f"codes for Prolific: complete {code} " in page


def test_the_part_that_refreshes_is_the_part_of_the_page(
    client: FlaskClient, frozen: Flask
) -> None:
    part = client.get(f"{STUDY}/progress")
    assert part.status_code == 200
    assert "<html" not in part.text
    assert words(part).split("1 began")[0] in words(client.get(STUDY))


def test_an_unknown_study_is_404(client: FlaskClient) -> None:
    for part in (
        "",
        "/progress",
        "/preview",
        "/report",
        "/rehearse",
        "/files/responses.csv",
    ):
        assert client.get(f"/researcher/studies/none{part}").status_code == 404


def test_a_study_is_paused_closed_and_opened_by_buttons(client: FlaskClient, frozen: Flask) -> None:
    for wanted in (StudyState.PAUSED, StudyState.CLOSED, StudyState.OPEN):
        assert post(client, "/state", state=wanted).location == STUDY
        assert state(frozen) is wanted
    assert post(client, "/state", state="draft").status_code == 400


def test_reopening_a_closed_study_is_announced_before_it_is_logged(
    client: FlaskClient, frozen: Flask
) -> None:
    assert "Reopen the study" not in client.get(STUDY).text
    post(client, "/state", state="closed")
    page = client.get(STUDY).text
    assert "Reopening it is logged permanently as an early unblinding" in page
    assert page.count('name="state" value="open"') == 1
    post(client, "/state", state="open")
    assert "(reopened the study)" in client.get(STUDY).text


def test_links_without_https_come_with_a_warning(client: FlaskClient, app: Flask) -> None:
    warning = "Platforms need links that begin with https"
    assert warning in client.get(STUDY).text
    app.extensions["settings"] = app.extensions["settings"].model_copy(
        update={"public_url": "https://study.example.org"}
    )
    assert warning not in client.get(STUDY).text


def test_a_study_cannot_be_opened_before_it_is_frozen(client: FlaskClient, app: Flask) -> None:
    post(client, "/state", state="paused")
    refused = post(client, "/state", state="open")
    assert refused.status_code == 409
    assert "run `study freeze short` first" in words(refused)
    assert state(app) is StudyState.PAUSED


def test_other_sites_cannot_change_the_state(client: FlaskClient, app: Flask) -> None:
    assert client.post(f"{STUDY}/state", data={"state": "closed"}).status_code == 400
    assert client.post(f"{STUDY}/files/responses.csv").status_code == 400
    assert state(app) is StudyState.OPEN


def test_previews_are_counted_separately(client: FlaskClient, app: Flask) -> None:
    entry = client.get(f"{STUDY}/preview").location
    form = {"csrf_token": csrf_token(client.get(entry)), "consent": "yes"}
    assert client.post(entry, data=form).status_code == 303
    with write_transaction(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.mode)).one() is Mode.PREVIEW


def read(response: TestResponse) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.text)))


def test_downloads_are_blinded_until_the_planned_sample(client: FlaskClient, frozen: Flask) -> None:
    rows = read(client.get(f"{STUDY}/files/responses.csv"))
    assert (list(rows[0]), len(rows)) == (list(RESPONSE_COLUMNS), 7)
    assert {row["truth"] for row in rows} == {""}
    post(client, "/state", state="closed")
    assert "" not in {row["truth"] for row in read(client.get(f"{STUDY}/files/responses.csv"))}


def test_early_unblinding_is_logged_and_shown_permanently(
    client: FlaskClient, frozen: Flask
) -> None:
    rows = read(post(client, "/files/responses.csv"))
    assert "" not in {row["truth"] for row in rows}
    (look,) = read(client.get(f"{STUDY}/files/unblinding.csv"))
    assert (look["by"], look["complete"]) == ("ada", "1")
    assert "UTC, by ada, after 1 participant had finished" in words(client.get(STUDY))
    assert {row["truth"] for row in read(client.get(f"{STUDY}/files/responses.csv"))} == {""}
    with write_transaction(frozen.extensions["engine"]) as db:
        assert db.scalars(select(Unblinding.unblinded_by)).all() == ["ada"]


def test_every_listed_file_can_be_downloaded(client: FlaskClient, frozen: Flask) -> None:
    listed = re.findall(rf'href="({STUDY}/files/[^"]+)"', client.get(STUDY).text)
    assert len(listed) == 13
    for address in listed:
        name = address.rpartition("/")[2]
        file = client.get(address)
        assert file.status_code == 200
        assert file.headers["Content-Disposition"] == f"attachment; filename=short-{name}"
        assert file.headers["Cache-Control"] == "private, no-store"
        if name.endswith(".zip"):
            assert zipfile.ZipFile(io.BytesIO(file.data)).testzip() is None
        elif name.endswith(".json"):
            assert json.loads(file.data)["study"] == "short"
        else:
            assert file.data.count(b"\n") >= 1


def test_without_a_design_there_is_no_design_download(client: FlaskClient, app: Flask) -> None:
    assert "design.zip" not in client.get(STUDY).text
    for name in ("design.json", "design.zip", "none.csv", "responses"):
        assert client.get(f"{STUDY}/files/{name}").status_code == 404
    assert post(client, "/files/timing.csv").status_code == 404


POWER = {
    "schema": "hue-and-eye/power/2",
    "goal": "To detect a difference between 30.0% and 22.5%: 40 trials per participant",
    "participants": {"80": 38, "90": None},
    "reason": "too few photographs for 90 %",
    "half_width": {"80": 0.05},
}  # fmt: skip


def test_existing_sample_size_planning_is_shown(
    client: FlaskClient, frozen: Flask, tmp_path: Path
) -> None:
    assert "python -m analysis.power" in client.get(STUDY).text
    file = tmp_path / "instance" / "reports" / "short" / "power.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(POWER))
    page = words(client.get(STUDY))
    assert f"{POWER['goal']}." in page
    assert (
        "participants for 80% power 38 participants for 90% power – planned in the design 2" in page
    )
    assert "too few photographs for 90 %" in page
    file.write_text("{}")
    assert "The sample size cannot be shown. power.json: " in words(client.get(STUDY))
