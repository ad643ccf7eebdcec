"""Tests of the pages about participants: the table, one participant, and the comments."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from study_server.participants import enrollment
from study_server.participants.participation import store_comment
from study_server.storage.engine import write_transaction
from study_server.storage.models import Identity, LoggedAction, Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, Role
from tests.study_server.browsing import csrf_token, sign_in, words
from tests.study_server.monitoring.people import take_part

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"
PASSWORD = "correct horse battery"


@pytest.fixture
def name(app: Flask) -> str:
    """Return the public ID of a participant who has answered everything and commented."""
    with write_transaction(app.extensions["engine"]) as db:
        person = take_part(db, find_study(db, "short"), "p")
        store_comment(person, "Fine, <b>but</b>\nlong.")
        return person.public_id


def post(client: FlaskClient, address: str, **form: object) -> TestResponse:
    form["csrf_token"] = csrf_token(client.get(STUDY))
    return client.post(f"{STUDY}{address}", data=form)


def find_person(db: Session, name: str) -> Participant | None:
    return db.scalar(select(Participant).where(Participant.public_id == name))


def actions(app: Flask) -> list[str]:
    with write_transaction(app.extensions["engine"]) as db:
        return list(db.scalars(select(LoggedAction.action).order_by(LoggedAction.id)))


@pytest.mark.slow(1)
def test_every_participant_is_listed_with_reasons(client: FlaskClient, app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        for number in range(101):
            enrollment.enroll_participant(
                db, study, str(number), Mode.LIVE, RecruitmentSource.PROLIFIC
            )
        person = enrollment.enroll_participant(db, study, "last", Mode.LIVE, RecruitmentSource.LINK)
        name = person.public_id
        person.outcome = Outcome.RETURNED
    first, second = (client.get(f"{STUDY}/participants?page={page}") for page in (1, 2))
    assert f"{name} returned on the platform returned the task, did not finish" in words(first)
    assert "– 0 / 5 0 / 1 0 link – en" in words(first)
    assert "page 1 of 2 (102 participants)" in words(first)
    assert (first.text.count("<tr>"), second.text.count("<tr>")) == (101, 3)
    assert client.get(f"{STUDY}/participants?page=x").status_code == 200
    assert client.get(f"{STUDY}/participants?mode=x").status_code == 404
    found = client.get(f"{STUDY}/participants?outcome=returned&search={name[:5]}")
    assert "page 1 of 1 (1 participant)" in words(found)
    assert "No participant matches." in client.get(f"{STUDY}/participants?search=nobody").text


def test_the_links_of_the_table_keep_its_settings(client: FlaskClient, name: str) -> None:
    page = client.get(f"{STUDY}/participants?search=p&sort=trials&outcome=complete")
    headings = re.findall(r'<th scope="col"[^>]*><a href="([^"]+)"', page.text)
    assert len(headings) == 11
    for address in headings:
        assert "search=p" in address
        assert "outcome=complete" in address
        assert name in client.get(address.replace("&amp;", "&")).text
    assert "sort=-trials" in page.text


@pytest.mark.parametrize("mode", [Mode.PREVIEW, Mode.SIMULATED])
def test_other_modes_are_behind_a_switch_and_a_band(
    mode: Mode, client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        name = take_part(db, find_study(db, "short"), "p", mode=mode).public_id
    assert name not in client.get(f"{STUDY}/participants").text
    page = client.get(f"{STUDY}/participants?mode={mode}")
    assert name in page.text
    one = client.get(f"{STUDY}/participants/{name}")
    for shown in (page, one, client.get(f"{STUDY}?mode={mode}")):
        assert f"{mode.upper()}: none of these participants counts" in words(shown)
    assert "real (photo-0" in one.text


def test_one_participant_is_shown_with_path_and_comment(client: FlaskClient, name: str) -> None:
    page = client.get(f"{STUDY}/participants/{name}")
    assert "Fine, &lt;b&gt;but&lt;/b&gt;\nlong." in page.text
    for text in (
        "Outcome complete", "Device mouse or keyboard", "Trials 7 of 7 answered", "gave consent",
        "No exclusion rule that can be checked here applies",
        "neither images nor methods", "practice 1", "100.0, 100.0 mouse",
    ):  # fmt: skip
        assert text in words(page), text
    assert client.get(f"{STUDY}/participants/nobody").status_code == 404


def test_forgetting_a_participant_needs_a_confirmation_and_logs_no_name(
    client: FlaskClient, app: Flask, name: str
) -> None:
    refused = post(client, f"/participants/{name}/forget")
    assert refused.status_code == 400
    assert "the box that confirms it was not checked" in words(refused)
    done = post(client, f"/participants/{name}/forget", confirmed="yes")
    assert done.location == f"{STUDY}/participants"
    assert "all of their answers are deleted (" in words(client.get(done.location))
    with write_transaction(app.extensions["engine"]) as db:
        assert find_person(db, name) is None
    assert actions(app) == ["deleted a participant"]
    assert name not in client.get("/researcher/log").text
    assert post(client, f"/participants/{name}/forget", confirmed="yes").status_code == 404


def test_anonymizing_a_participant_deletes_the_identity_and_keeps_the_answers(
    client: FlaskClient, app: Flask, name: str
) -> None:
    assert post(client, f"/participants/{name}/anonymize").status_code == 400
    done = post(client, f"/participants/{name}/anonymize", confirmed="yes")
    assert done.status_code == 303
    with write_transaction(app.extensions["engine"]) as db:
        person = find_person(db, name)
        assert person is not None
        assert db.get(Identity, person.id) is None
    page = client.get(f"{STUDY}/participants/{name}")
    assert "Trials 7 of 7 answered" in words(page)
    assert "identity deleted" in words(page)
    assert "Anonymize the participant" not in page.text
    assert actions(app) == ["anonymized a participant"]


def test_the_personal_link_leads_to_the_participant(
    client: FlaskClient, app: Flask, name: str
) -> None:
    assert post(client, f"/participants/{name}/link").status_code == 400
    page = post(client, f"/participants/{name}/link", confirmed="yes")
    with write_transaction(app.extensions["engine"]) as db:
        person = find_person(db, name)
        assert person is not None
        link = f"http://localhost/p/{person.token}"
    assert f'<code class="hash">{link}</code>' in page.text
    assert "Set STUDY_PUBLIC_URL to the public address" in words(page)
    assert "/p/" not in client.get(f"{STUDY}/participants/{name}").text
    assert actions(app) == ["looked up a participant’s personal link"]
    assert client.get(link.removeprefix("http://localhost")).status_code in (200, 303)


def test_a_personal_link_for_sona_needs_the_right_code(client: FlaskClient, app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        name = enrollment.enroll_participant(
            db, find_study(db, "short"), "4711", Mode.LIVE, RecruitmentSource.SONA
        ).public_id
    wrong = post(client, f"/participants/{name}/link", confirmed="yes", survey_code="4712")
    assert wrong.status_code == 409
    assert "4712 is not this participant’s survey code" in words(wrong)
    right = post(client, f"/participants/{name}/link", confirmed="yes", survey_code="4711")
    assert re.search(r"/p/[\w-]+\?back=[\w.-]+</code>", right.text)


def test_comments_are_marked_as_read_and_unread(client: FlaskClient, app: Flask, name: str) -> None:
    assert "Comments (1 unread)" in words(client.get(STUDY))
    assert "1 comment is unread." in words(client.get(STUDY))
    page = client.get(f"{STUDY}/comments")
    assert "Fine, &lt;b&gt;but&lt;/b&gt;\nlong." in page.text
    assert f"unread {name} complete finished" in words(page)
    done = post(client, "/comments", state="read", participant=[name])
    assert "Marked 1 comment as read (" in words(client.get(done.location))
    assert "unread)" not in words(client.get(STUDY))
    post(client, "/comments", state="unread", participant=[name])
    assert "Comments (1 unread)" in words(client.get(STUDY))
    assert actions(app) == ["marked 1 comment as read", "marked 1 comment as unread"]


def test_viewers_see_the_pages_without_their_actions(app: Flask, name: str) -> None:
    viewer = sign_in(app, "vera", Role.VIEWER)
    for address in (f"/participants/{name}", "/comments"):
        page = viewer.get(f"{STUDY}{address}")
        assert page.status_code == 200
        (main,) = re.findall(r"<main.*</main>", page.text, re.S)
        assert 'method="post"' not in main
