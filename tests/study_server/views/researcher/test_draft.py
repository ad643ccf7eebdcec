"""Tests of the pages on which a draft is changed and frozen."""

import io
import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.participants import enrollment
from study_server.protocol.model import parse_stored_protocol
from study_server.protocol.study_toml import parse_toml
from study_server.storage.engine import write_transaction
from study_server.studies.action_log import list_actions
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState, WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import store_wording
from tests.conftest import short_protocol
from tests.study_server.browsing import words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"


@pytest.fixture
def client(app: Flask, client: FlaskClient) -> FlaskClient:
    """Return a browser in which Ada is signed in; the study is a draft."""
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.DRAFT
    return client


def hidden(client: FlaskClient, page: str) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    text = client.get(f"{STUDY}/{page}").text
    return dict(re.findall(r'name="(csrf_token|version)" value="([^"]+)"', text))


def submit(
    client: FlaskClient, page: str, fields: dict[str, str] | None = None, /, **typed: Any
) -> TestResponse:
    data = {**(fields or hidden(client, page.partition("/")[0])), **typed}
    return client.post(f"{STUDY}/{page}", data=data, content_type="multipart/form-data")


def actions(app: Flask) -> list[str]:
    with write_transaction(app.extensions["engine"]) as db:
        return [f"{one.done_by} {one.action}" for one in list_actions(db, "short")]


def enroll(app: Flask, mode: Mode) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        enrollment.enroll_participant(db, study, "x", mode, RecruitmentSource.LINK)


def test_a_saved_protocol_is_shown_and_logged(client: FlaskClient, app: Flask) -> None:
    enroll(app, Mode.SIMULATED)
    assert "Saving a changed protocol deletes 1 simulated participant" in words(
        client.get(f"{STUDY}/protocol")
    )
    reply = submit(client, "protocol", trials="5")
    assert (reply.status_code, reply.location) == (303, f"{STUDY}/protocol")
    page = words(client.get(reply.location))
    assert (
        "Saved: trials. Deleted: 1 simulated participant, who took part under the old protocol"
        in page
    )
    assert "UTC)" in page
    assert "The preset’s value is 40." in page
    assert actions(app) == [
        "ada changed trials of the protocol, which deleted 1 simulated participant"
    ]
    assert "Nothing was changed" in words(client.get(submit(client, "protocol").location))


def test_what_was_typed_is_kept_beside_its_problem(client: FlaskClient, app: Flask) -> None:
    reply = submit(client, "protocol", trials="4a", title="New title")
    assert reply.status_code == 422
    assert 'value="4a"' in reply.text
    assert 'value="New title"' in reply.text
    assert '<p class="error-message" id="problem-trials">“4a” is not a whole number.</p>' in (
        reply.text
    )
    assert actions(app) == []


def test_the_second_of_two_researchers_sees_both_values(client: FlaskClient, app: Flask) -> None:
    first = hidden(client, "protocol")
    second = dict(first)
    submit(client, "protocol", first, trials="3")
    reply = submit(client, "protocol", second, trials="2", practice="1")
    assert reply.status_code == 409
    page = words(reply)
    assert "Someone else has changed this study since you opened the page" in page
    assert "trials 3 2" in page
    assert "practice 2 1" in page
    assert 'name="trials" value="2"' in reply.text
    fields = dict(re.findall(r'name="(csrf_token|version)" value="([^"]+)"', reply.text))
    assert submit(client, "protocol", fields, trials="2").status_code == 303


def test_study_toml_is_downloaded_and_uploaded(client: FlaskClient, app: Flask) -> None:
    file = client.get(f"{STUDY}/protocol/study.toml").data
    assert parse_toml(file, "study.toml") == short_protocol()
    changed = file.replace(b"repeats = 0", b"repeats = 1")
    assert changed != file
    reply = submit(client, "protocol/upload", file=(io.BytesIO(changed), "study.toml"))
    assert "Saved: repeats" in words(client.get(reply.location))
    for content, problem in (
        (b"", "Choose a file first."),
        (b"[[[", "cannot be read as TOML"),
        (b"\xff", "cannot be read as TOML"),
        (b"x = " + b"[" * 20_000, "cannot be read as TOML"),
        (file.replace(b'"short"', b'"other"'), "the slug is 'other', but this study is 'short'"),
        (file.replace(b"plates = 0", b"plats = 0"), "plats = 0: Extra inputs are not permitted"),
    ):
        reply = submit(client, "protocol/upload", file=(io.BytesIO(content), "study.toml"))
        assert reply.status_code == 422, content[:20]
        assert problem in words(reply)


def test_questions_are_edited_without_a_script(client: FlaskClient, app: Flask) -> None:
    question = {
        "questions-count": "1", "questions-0-name": "age", "questions-0-text-en": "How old?",
        "questions-0-kind": "choice", "questions-0-options-en": "young\r\nold",
        "questions-0-when": "before", "questions-0-required": "no",
    }  # fmt: skip
    assert submit(client, "protocol", **question).status_code == 303
    page = client.get(f"{STUDY}/protocol").text
    assert "Question 1: age" in page
    assert "young\nold</textarea>" in page
    removed = question | {"questions-0-remove": "yes"}
    submit(client, "protocol", **removed)
    with write_transaction(app.extensions["engine"]) as db:
        assert parse_stored_protocol(find_study(db, "short").protocol).questions == ()


@pytest.mark.parametrize("page", ["protocol", "wording", "freeze"])
def test_once_somebody_has_taken_part_the_pages_are_read_only(
    page: str, client: FlaskClient, app: Flask
) -> None:
    fields = hidden(client, page)
    enroll(app, Mode.LIVE)
    shown = client.get(f"{STUDY}/{page}")
    assert "Somebody has taken part, so" in words(shown)
    assert ("readonly" if page == "wording" else '<fieldset class="draft-form" disabled>') in (
        shown.text
    )
    reply = submit(client, page, fields, **{"trials": "3", "text-question": "Why?", "margin": "0"})
    assert reply.status_code == 409
    assert "Somebody has taken part, so nothing was saved." in words(reply)


def test_the_pay_is_estimated(client: FlaskClient) -> None:
    page = words(client.get(f"{STUDY}/protocol?hourly=15"))
    assert "2 pay per participant at 15.00 per hour 0.50" in page
    assert "is not an hourly rate" in words(client.get(f"{STUDY}/protocol?hourly=much"))


def test_texts_are_saved_previewed_and_reset(client: FlaskClient, app: Flask) -> None:
    previewed = submit(client, "wording", **{"do": "preview", "text-question": "Is {title}?"})
    assert previewed.status_code == 200
    assert f"<p>Is {short_protocol().title}?</p>" in previewed.text
    assert ">\nIs {title}?</textarea>" in previewed.text
    reply = submit(client, "wording", **{"text-question": "Which is fake?"})
    assert (reply.status_code, reply.location) == (303, f"{STUDY}/wording?language=en")
    assert "Saved: Question (English)" in words(client.get(reply.location))
    assert actions(app) == ["ada changed the wording: Question (English)"]
    reset = submit(client, "wording", **{"do": "reset-question", "text-debrief": "Typed"})
    default = compose_wording(short_protocol())["en", WordingPart.QUESTION]
    assert f">\n{default}</textarea>" in reset.text
    assert ">\nTyped</textarea>" in reset.text
    assert "shows the default text, which is not saved yet" in words(reset)


def test_problems_of_texts_are_shown_with_their_lines(client: FlaskClient) -> None:
    reply = submit(client, "wording", **{"text-debrief": "One\n\n{who}"})
    assert reply.status_code == 422
    assert "Line 3: unknown placeholder {who}" in words(reply)
    assert ">\nOne\n\n{who}</textarea>" in reply.text


def test_the_second_text_is_shown_beside_the_first(client: FlaskClient) -> None:
    fields = hidden(client, "wording")
    submit(client, "wording", dict(fields), **{"text-question": "Mine?"})
    reply = submit(client, "wording", fields, **{"text-question": "Yours?"})
    assert reply.status_code == 409
    assert 'readonly lang="en">Mine?</textarea>' in reply.text
    assert ">\nYours?</textarea>" in reply.text


def test_a_fragment_previews_one_text(client: FlaskClient) -> None:
    reply = submit(client, "wording/preview", part="consent", text="No title [... who]")
    assert "Line 1: the first line must be the title" in words(reply)
    assert "<mark>[... who]</mark>" in reply.text
    assert "<html" not in reply.text
    assert submit(client, "wording/preview", part="none").status_code == 404
    assert client.get(f"{STUDY}/wording?language=de").status_code == 404


def test_a_design_is_frozen_and_unfrozen(client: FlaskClient, app: Flask) -> None:
    plan = {"participants": "60", "hypotheses": "A.\r\nB.", "exclusions.fast_ms": "250"}
    saved = submit(client, "freeze", do="save", **plan)
    assert "Saved the plan" in words(client.get(saved.location))
    assert "The planned sample was 60 complete participants." in words(
        client.get(f"{STUDY}/freeze")
    )
    submit(client, "freeze", do="freeze", **plan)
    page = client.get(f"{STUDY}/freeze")
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        sha256, design = study.design_sha256, json.loads(study.design or "")
    assert design["plan"]["hypotheses"] == ["A.", "B."]
    assert words(page).count(str(sha256)) >= 2
    assert f"{STUDY}/files/design.zip" in page.text
    assert "The design is frozen, so this cannot be changed" in words(
        client.get(f"{STUDY}/protocol")
    )
    submit(client, "freeze/undo")
    page = client.get(f"{STUDY}/freeze")
    assert "The study is a draft again" in words(page)
    assert 'name="participants" value="60"' in page.text
    assert actions(app) == [
        f"ada returned the study to draft; its design had the SHA-256 {sha256}",
        f"ada froze the design, SHA-256 {sha256}",
        "ada changed the analysis plan",
    ]
    assert submit(client, "freeze/undo").status_code == 409


def test_what_is_missing_is_said_before_the_freeze(client: FlaskClient, app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        store_wording(db, find_study(db, "short"), compose_wording(short_protocol()))
    page = client.get(f"{STUDY}/freeze")
    assert f'<a href="{STUDY}/wording">Fill in or correct 8 places in the texts</a>' in page.text
    reply = submit(client, "freeze", do="freeze", margin="0.1")
    assert reply.status_code == 409
    assert "has texts to fill in" in words(reply)
    assert 'name="margin" value="0.1"' in reply.text
    refused = submit(client, "freeze", do="save", margin="2")
    assert refused.status_code == 422
    assert "“2” is more than 1, the most." in words(refused)
