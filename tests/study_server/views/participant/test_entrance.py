"""Tests of the start page, the consent page and enrollment."""

import json
import re
from html import unescape

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update
from werkzeug.test import TestResponse

from study_server.app import create_app
from study_server.cli import commands
from study_server.clock import now
from study_server.recruitment.arrival import prolific_completion_code
from study_server.recruitment.invitations import create_invitation
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, StudyState
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


def test_returning_participants_are_asked_whether_they_are_the_same_person(
    client: FlaskClient, base: str
) -> None:
    page = client.get("/s/short").text
    assert "Someone has started this study in this browser" in page
    assert f'href="{base}"' in page
    assert "I am someone else" in page
    assert consent_again(client) == base  # a form that is sent twice
    begin(client, base)
    form = {"csrf_token": csrf_token(client.get("/s/short")), "consent": "yes"}
    late = client.post("/s/short", data=form)  # a form that another person had left open
    assert (late.status_code, "That was me" in late.text) == (200, True)


def begin(client: FlaskClient, base: str) -> None:
    """Start the first trial."""
    (trial, *_) = client.post(f"{base}/resume", json={}).get_json()["trials"]
    assert client.post(f"{base}/trials/{trial['token']}/start", json={}).status_code == 204


def someone_else(client: FlaskClient, slug: str = "short") -> TestResponse:
    form = {"csrf_token": csrf_token(client.get(f"/s/{slug}"))}
    return client.post(f"/s/{slug}/someone-else", data=form)


@pytest.mark.parametrize("ending", ["started", "finished", "withdrawn"])
def test_the_next_person_at_a_computer_begins_a_participation_of_their_own(
    ending: str, client: FlaskClient, base: str, app: Flask
) -> None:
    begin(client, base)
    if ending == "finished":
        with write_transaction(app.extensions["engine"]) as db:
            db.execute(update(Participant).values(outcome=Outcome.COMPLETE, finished_at=now()))
    if ending == "withdrawn":
        client.post(f"{base}/withdraw")
    expected = {
        "started": "Someone has started this study",
        "finished": "Someone has already taken part",
        "withdrawn": "Someone has withdrawn",
    }
    page = client.get("/s/short").text
    assert expected[ending] in page
    assert not re.search(r"\b[0-9A-F]{10}\b", page)  # the other's completion code
    assert someone_else(client).location.startswith("/s/short")
    own = consent(client)
    assert own != base
    with read_session(app.extensions["engine"]) as db:
        people = db.scalars(select(Participant).order_by(Participant.id)).all()
        shared = [person.shared_browser for person in people]
    assert shared == ([True] if ending == "withdrawn" else [False, True])


def test_people_of_platforms_cannot_become_someone_else(client: FlaskClient) -> None:
    entry = "/s/short?PROLIFIC_PID=a1"
    consent(client, entry)
    form = {"csrf_token": csrf_token(client.get("/researcher/login"))}
    assert client.post("/s/short/someone-else?PROLIFIC_PID=a1", data=form).status_code == 400
    assert client.post("/s/short/someone-else", data={}).status_code == 400  # no CSRF token


def test_a_browser_keeps_one_person_per_study(client: FlaskClient, base: str) -> None:
    with client.session_transaction() as cookie:
        assert [key for key in cookie if key.startswith("person")] == ["person:short"]


def test_servers_on_one_host_have_cookies_of_their_own(app: Flask, engine: Engine) -> None:
    settings = app.extensions["settings"].model_copy(update={"secret_key": "another secret key"})
    other = create_app(settings, engine)
    assert app.config["SESSION_COOKIE_NAME"] != other.config["SESSION_COOKIE_NAME"]


def unsuitable(app: Flask) -> int:
    with read_session(app.extensions["engine"]) as db:
        return find_study(db, "short").unsuitable_count


def test_a_device_that_is_turned_away_is_counted_once_and_nothing_else_is_stored(
    app: Flask, client: FlaskClient
) -> None:
    client.get("/s/short")
    for _ in range(2):
        page = client.post("/s/short/unsuitable")
        assert "You can’t take part on this device" in page.text
    assert unsuitable(app) == 1
    app.test_client().post("/s/short/unsuitable")
    assert unsuitable(app) == 2
    preview = create_invitation(SECRET, "short", Mode.PREVIEW, "x")
    app.test_client().post(f"/s/short/unsuitable?invitation={preview}")
    mturk = "assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"
    app.test_client().post(f"/s/short/unsuitable?{mturk}")
    consent(client)
    with client.session_transaction() as cookie:
        del cookie["unsuitable:short"]
    client.post("/s/short/unsuitable")  # takes part already
    assert unsuitable(app) == 2
    with read_session(app.extensions["engine"]) as db:
        assert len(db.scalars(select(Participant)).all()) == 1


def test_a_study_that_is_not_open_counts_no_devices(app: Flask, client: FlaskClient) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.PAUSED
    assert client.post("/s/short/unsuitable").status_code == 200
    assert unsuitable(app) == 0


def test_people_on_an_unsuitable_device_get_the_code_of_their_platform(
    app: Flask, client: FlaskClient
) -> None:
    with read_session(app.extensions["engine"]) as db:
        code = prolific_completion_code(db, find_study(db, "short"), Outcome.SCREENED_OUT)
    query = "PROLIFIC_PID=a1"
    assert code not in client.get(f"/s/short?{query}").text
    page = client.post(f"/s/short/unsuitable?{query}").text
    assert f"complete?cc={code}" in page
    mturk = "assignmentId=a&workerId=w&turkSubmitTo=https://www.mturk.com"
    assert "Please return this HIT" in client.post(f"/s/short/unsuitable?{mturk}").text
    assert "completion code" not in client.post("/s/short/unsuitable").text
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant)).all() == []


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


@pytest.mark.slow(0.6)
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
    assert "allow cookies for this site" in refused.text
