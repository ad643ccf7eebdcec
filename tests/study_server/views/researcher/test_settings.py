"""Tests of the page with a study's tags, the researchers, and the deletion of the study."""

import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.storage.engine import read_session, write_transaction
from study_server.studies import researchers
from study_server.studies.lookup import find_or_none, find_study
from study_server.vocabulary import StudyState
from tests.study_server.browsing import csrf_token, post_form

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SETTINGS = "/researcher/studies/short/settings"


def post(client: FlaskClient, address: str, **form: str) -> TestResponse:
    return post_form(client, SETTINGS, f"{SETTINGS}{address}", **form)


def words(page: TestResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_tags_are_saved_and_wrong_ones_are_explained(ada: FlaskClient) -> None:
    assert post(ada, "/tags", tags="pilot, spring").location == SETTINGS
    assert 'value="pilot spring"' in ada.get(SETTINGS).text
    refused = post(ada, "/tags", tags="a/b")
    assert (refused.status_code, "'a/b' is not a tag" in words(refused)) == (409, True)
    assert 'value="pilot spring"' in ada.get(SETTINGS).text


def test_a_new_researcher_signs_in_by_a_link_and_gets_another_role(
    ada: FlaskClient, app: Flask
) -> None:
    page = post(ada, "/invite", name="Bob", role="viewer")
    (link,) = re.findall(r"http://localhost(/researcher/enter/[^<]+)", page.text)
    bob = app.test_client()
    assert bob.post(link, data={"csrf_token": csrf_token(bob.get(link))}).status_code == 303
    assert post(bob, "/tags", tags="mine").status_code == 403
    assert post(ada, "/role", name="Bob", role="owner").location == SETTINGS
    assert post(bob, "/tags", tags="mine").status_code == 303
    assert "invited Bob as a viewer" in ada.get("/researcher/log").text


def test_the_last_owner_stays_one(ada: FlaskClient, app: Flask) -> None:
    refused = post(ada, "/role", name="ada", role="viewer")
    assert (refused.status_code, "ada is the last owner" in words(refused)) == (409, True)
    assert post(ada, "/role", name="ada", role="king").status_code == 409
    with read_session(app.extensions["engine"]) as db:
        assert [one.role for one in researchers.list_researchers(db)] == ["owner"]


def test_a_study_is_deleted_when_its_slug_is_typed(
    ada: FlaskClient, frozen: Flask, tmp_path: Path
) -> None:
    engine = frozen.extensions["engine"]
    assert "The study is open" in words(ada.get(SETTINGS))
    assert post(ada, "/delete", slug="short").status_code == 409
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.CLOSED
    assert "deletes 48 stimuli, 1 live participant, 7 live answers" in words(ada.get(SETTINGS))
    assert post(ada, "/backup").location == SETTINGS
    (backup,) = (tmp_path / "instance" / "backups").iterdir()
    assert str(backup) in words(ada.get(SETTINGS))
    refused = post(ada, "/delete", slug="shirt")
    assert (refused.status_code, "so nothing was deleted" in words(refused)) == (409, True)
    assert list((tmp_path / "instance" / "stimuli").rglob("*.png"))
    assert post(ada, "/delete", slug="short").location == "/researcher"
    with read_session(engine) as db:
        assert find_or_none(db, "short") is None
    assert not list((tmp_path / "instance" / "stimuli").rglob("*.png"))
    assert "deleted the study" in ada.get("/researcher/log").text
