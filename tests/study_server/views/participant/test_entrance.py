"""Tests of the start page, the consent page and enrollment."""

import json
import re
from html import unescape

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from study_server.cli import commands
from study_server.recruitment.invitations import create_invitation
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, StudyState
from study_server.wording.files import compose_wording
from study_server.wording.stored import reword_study
from tests.conftest import SECRET, short_protocol
from tests.study_server.browsing import consent, csrf_token

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_front_page_leads_to_the_open_studies(client: FlaskClient, app: Flask) -> None:
    assert "/s/short" in client.get("/").text
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.CLOSED
    assert "/s/short" not in client.get("/").text


def test_nothing_is_stored_before_consent(client: FlaskClient, app: Flask) -> None:
    page = client.get("/s/short")
    refused = client.post("/s/short", data={"csrf_token": csrf_token(page)})
    assert refused.status_code == 400
    assert "We need your consent" in refused.text
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 0


def test_a_form_without_a_csrf_token_is_refused(client: FlaskClient) -> None:
    client.get("/s/short")
    assert client.post("/s/short", data={"consent": "yes"}).status_code == 400


def test_consent_works_over_https_without_a_referrer(app: Flask) -> None:
    client = app.test_client()
    secure = {"base_url": "https://study.example.org"}
    token = csrf_token(client.get("/s/short", **secure))
    form = {"csrf_token": token, "consent": "yes"}
    assert client.post("/s/short", data=form, **secure).status_code == 303


def test_returning_participants_continue_where_they_left_off(
    client: FlaskClient, base: str
) -> None:
    assert client.get("/s/short").location == base
    assert consent_again(client) == base


def consent_again(client: FlaskClient) -> str:
    form = {"csrf_token": csrf_token(client.get("/researcher/login")), "consent": "yes"}
    return client.post("/s/short", data=form).location


@pytest.fixture
def bilingual(app: Flask, client: FlaskClient) -> FlaskClient:
    """Return a browser that prefers German, for the short study in English and German."""
    protocol = short_protocol(languages=("en", "de"))
    with write_transaction(app.extensions["engine"]) as db:
        reword_study(db, protocol, find_study(db, "short"), compose_wording(protocol))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de-CH,de;q=0.9,en;q=0.8"
    return client


def test_a_study_keeps_the_language_of_the_browser(bilingual: FlaskClient, app: Flask) -> None:
    page = bilingual.get("/s/short").text
    assert '<html lang="de">' in page
    assert "Einladung zu einer Studie" in page
    base = consent(bilingual)
    with read_session(app.extensions["engine"]) as db:
        participant = db.scalars(select(Participant)).one()
        assert participant.consent_version.startswith("de-")
    bilingual.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    for address in (base, f"{base}/withdraw"):
        assert '<html lang="de">' in bilingual.get(address).text
    assert "Übungspaar {number} von {of}" in words(bilingual.get(base).text).values()


def words(page: str) -> dict[str, str]:
    """Return the texts that the page passes to its scripts."""
    (script,) = re.findall(r'id="player-texts">(.*?)</script>', page, re.DOTALL)
    given: dict[str, str] = json.loads(script)
    return given


def test_language_links_keep_the_other_parameters(bilingual: FlaskClient, app: Flask) -> None:
    entry = f"/s/short?invitation={create_invitation(SECRET, 'short', Mode.PREVIEW, 'x')}"
    page = bilingual.get(entry).text
    assert re.search(r'lang="de" hreflang="de" aria-current="true">Deutsch<', page)
    (link,) = re.findall(r'href="([^"]*)" lang="en" hreflang="en">English<', page)
    english = unescape(link)
    assert bilingual.get(english).text.count("Take part") == 1
    consent(bilingual, english)
    with read_session(app.extensions["engine"]) as db:
        participant = db.scalars(select(Participant)).one()
    assert (participant.mode, participant.language) == (Mode.PREVIEW, "en")


@pytest.mark.parametrize("asked", ["slug=x", "endpoint=x", "_scheme=javascript", "_anchor=x"])
def test_no_parameter_redirects_to_another_site(asked: str, client: FlaskClient) -> None:
    page = client.get(f"/s/short?{asked}")
    (action,) = re.findall(r'action="([^"]+)"', page.text)
    assert action.startswith("/s/short?")


def test_the_front_page_uses_the_language_of_the_browser(
    bilingual: FlaskClient, app: Flask
) -> None:
    page = bilingual.get("/").text
    assert 'lang="de">Welches Foto hat künstliche Farben?</a>' in page
    with write_transaction(app.extensions["engine"]) as db:
        reword_study(
            db, short_protocol(), find_study(db, "short"), compose_wording(short_protocol())
        )
    page = bilingual.get("/").text
    assert '<html lang="de">' in page
    assert 'lang="en">Which photograph has fake colors?</a>' in page


def test_a_study_in_one_language_has_no_language_links(client: FlaskClient) -> None:
    page = client.get("/s/short?lang=de", headers={"Accept-Language": "de"}).text
    assert '<html lang="en">' in page
    assert "hreflang" not in page


@pytest.mark.parametrize("state", [StudyState.DRAFT, StudyState.PAUSED, StudyState.CLOSED])
def test_a_study_that_is_not_open_admits_no_new_participants(
    state: StudyState, client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = state
    assert client.get("/s/short").status_code == 403


def test_the_preview_command_prints_such_an_invitation(
    client: FlaskClient, database_url: str, app: Flask
) -> None:
    settings = {"STUDY_DATABASE_URL": database_url, "STUDY_SECRET_KEY": SECRET}
    run = CliRunner().invoke(commands, ["preview", "short"], env=settings)
    entry = run.output.strip().removeprefix("http://127.0.0.1:8000")
    consent(client, entry)
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.mode)).all() == [Mode.PREVIEW]


def test_an_invitation_admits_to_a_draft_and_cannot_be_forged(
    client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.DRAFT
    for secret, status in ((SECRET, 200), ("another secret, as long", 404)):
        token = create_invitation(secret, "short", Mode.PREVIEW, "somebody")
        assert client.get(f"/s/short?invitation={token}").status_code == status
    elsewhere = create_invitation(SECRET, "other", Mode.PREVIEW, "somebody")
    assert client.get(f"/s/short?invitation={elsewhere}").status_code == 404
    base = consent(
        client, f"/s/short?invitation={create_invitation(SECRET, 'short', Mode.PREVIEW, 'x')}"
    )
    with read_session(app.extensions["engine"]) as db:
        participant = db.scalars(select(Participant)).one()
    assert (participant.mode, base) == (Mode.PREVIEW, f"/p/{participant.token}")


def test_the_page_explains_a_blocked_cookie(client: FlaskClient) -> None:
    refused = client.post("/s/short", data={"consent": "yes"})
    assert refused.status_code == 400
    assert "blocked a cookie" in refused.text
