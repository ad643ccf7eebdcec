"""Tests that allowed link parameters reach the database from every source, and leave it."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select

from study_server.clock import now
from study_server.export.csv_files import build_tables
from study_server.export.psych_ds import iterate_files
from study_server.participants.withdrawal import anonymize_participants, delete_participant
from study_server.protocol.model import parse_stored_protocol
from study_server.recruitment.invitations import create_invitation
from study_server.storage.engine import write_session, write_transaction
from study_server.storage.models import LinkParameter, Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode
from tests.conftest import SECRET
from tests.study_server.browsing import consent, csrf_token

SUBMIT_TO = quote("https://workersandbox.mturk.com", safe="")
INVITATION = create_invitation(SECRET, "short", Mode.LIVE, "w")
ENTRIES = {
    "link": "/s/short?batch=b",
    "prolific": "/s/short?PROLIFIC_PID=5e9088a8a4b6ed018b45ba7b&STUDY_ID=s1&batch=b",
    "sona": "/s/short?survey_code=48113&batch=b",
    "mturk": f"/s/short?assignmentId=3A&hitId=3H&workerId=W1&turkSubmitTo={SUBMIT_TO}&batch=b",
    "invitation": f"/s/short?invitation={INVITATION}&batch=b",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _allow_batch(app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        changed = parse_stored_protocol(study.protocol).model_copy(
            update={"link_parameters": ("batch", "site")}
        )
        study.protocol = changed.canonical_json()


def stored(app: Flask) -> list[tuple[str, str]]:
    with write_transaction(app.extensions["engine"]) as db:
        rows = db.scalars(select(LinkParameter).order_by(LinkParameter.participant_id))
        return [(row.name, row.value) for row in rows]


@pytest.mark.parametrize("source", ENTRIES)
def test_an_allowed_parameter_survives_the_consent_page(source: str, app: Flask) -> None:
    consent(app.test_client(), f"{ENTRIES[source]}&batch=c&other=x")
    assert stored(app) == [("batch", "b")]


def test_the_form_of_the_consent_page_keeps_the_parameters(app: Flask) -> None:
    page = app.test_client().get("/s/short?batch=b").text
    assert 'action="/s/short?batch=b&amp;lang=en"' in page


def test_the_next_person_at_a_browser_keeps_the_parameters(app: Flask) -> None:
    client = app.test_client()
    consent(client, "/s/short?batch=b")
    token = csrf_token(client.get("/s/short?batch=b&lang=en"))
    reply = client.post("/s/short/someone-else?batch=b&lang=en", data={"csrf_token": token})
    assert reply.location == "/s/short?batch=b&lang=en"


def test_the_first_link_counts(app: Flask) -> None:
    client = app.test_client()
    token = csrf_token(client.get("/s/short?batch=b"))
    for batch in "bc":
        client.post(f"/s/short?batch={batch}", data={"csrf_token": token, "consent": "yes"})
    assert stored(app) == [("batch", "b")]


def test_own_front_ends_send_them_with_the_consent(app: Flask) -> None:
    client = app.test_client()
    version = client.get("/api/v1/studies/short").json["texts"]["en"]["consent_version"]  # type: ignore[index]
    body = {"consent": True, "consent_version": version, "language": "en"}
    reply = client.post(
        "/api/v1/studies/short/participants",
        json=body | {"link_parameters": {"batch": "b", "other": "x"}},
    )
    assert reply.status_code == 201
    assert stored(app) == [("batch", "b")]


def test_they_are_exported_but_not_published(app: Flask) -> None:
    consent(app.test_client(), "/s/short?batch=b&site=lab")
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        tables = {table.name: table for table in build_tables(db, study, tuple(Mode), False)}
        rows = [(row["name"], row["value"]) for row in tables["link_parameters"].rows]
        published = "".join(
            "".join(content)
            for path, content in iterate_files(db, study, tuple(Mode), False)
            if "linkparameters" in path and path.endswith(".csv")
        )
    assert rows == [("batch", "b"), ("site", "lab")]
    assert published == "study,participant,mode,name,value\n"


def test_withdrawal_and_anonymization_delete_them(app: Flask) -> None:
    consent(app.test_client(), "/s/short?batch=b")
    with write_transaction(app.extensions["engine"]) as db:
        assert anonymize_participants(db, find_study(db, "short"), now() + timedelta(days=1)) == 1
    assert stored(app) == []
    consent(app.test_client(), "/s/short?batch=c")
    assert stored(app) == [("batch", "c")]
    with write_session(app.extensions["engine"]) as db:
        for person in db.scalars(select(Participant)).all():
            delete_participant(db, person)
    assert stored(app) == []
