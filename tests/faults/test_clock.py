"""Tests that the server's clock can be set back by two hours while participants answer."""

import csv
import io
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous.timed import TimestampSigner
from sqlalchemy import func, select

from study_server import clock
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant
from study_server.studies import researchers
from study_server.vocabulary import Outcome
from tests.study_server.browsing import consent, csrf_token

SHOWN = {"answer": {"choice": 0}, "rt_ms": 640, "first_ms": 100.5, "second_ms": 99.5}
STEP = timedelta(hours=2)


class SteppedBack(datetime):
    """The system clock after the step."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(datetime.now(UTC).timestamp(), tz) - STEP


def step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "datetime", SteppedBack)
    earlier = int(datetime.now(UTC).timestamp() - STEP.total_seconds())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: earlier)


def answer_one(client: FlaskClient, base: str) -> bool:
    """Answer the next trial; return False if there is none."""
    trials = client.get(f"{base}/trials").get_json()["trials"]
    for trial in trials[:1]:
        client.post(f"{base}/trials/{trial['token']}/start", json={})
        reply = client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
        assert reply.status_code == 200
    return bool(trials)


def test_participants_continue_and_finish_after_a_clock_step(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    base = consent(client)
    answer_one(client, base)
    step_back(monkeypatch)
    assert f'href="{base}"' in client.get("/s/short").text  # the button to continue
    assert client.post(f"{base}/resume", json={}).status_code == 200
    while answer_one(client, base):
        pass
    assert client.get(f"{base}/debrief").status_code == 200
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.outcome)).all() == [Outcome.COMPLETE]


def test_an_open_consent_form_is_accepted_after_a_clock_step(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    form = {"csrf_token": csrf_token(client.get("/s/short")), "consent": "yes"}
    step_back(monkeypatch)
    assert client.post("/s/short", data=form).status_code == 303
    consent(app.test_client())  # a new participant after the step
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 2


def test_a_researcher_stays_signed_in_and_exports_every_answer(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    participant, researcher = app.test_client(), app.test_client()
    with write_transaction(app.extensions["engine"]) as db:
        token = researchers.create_login_token(db, "ada", timedelta(hours=1))
    base = consent(participant)
    answer_one(participant, base)
    step_back(monkeypatch)
    link = f"/researcher/enter/{token}"
    researcher.post(link, data={"csrf_token": csrf_token(researcher.get(link))})
    answer_one(participant, base)
    page = researcher.get("/researcher/studies/short")
    assert page.status_code == 200
    table = researcher.get("/researcher/studies/short/files/responses.csv").text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert sum(row["answer"] == "left" for row in rows) == 2


def test_cookies_still_expire(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = app.test_client()
    base = consent(client)
    month_later = int(datetime.now(UTC).timestamp()) + 32 * 24 * 3600
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: month_later)
    assert client.get("/s/short").status_code == 200  # the consent page, as for a new visitor
    assert client.get(base).status_code == 200  # the participant's address still works
