"""Tests that automated participation is flagged in the exported rows."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.attacks.answering import answer, answer_all, trials
from tests.conftest import lend_database
from tests.faults.people import SCREEN
from tests.study_server.browsing import consent


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with lend_database(request.param, request, tmp_path) as url:
        yield url


def rows(researcher: FlaskClient) -> list[dict[str, str]]:
    table = researcher.get("/researcher/studies/short/files/participants.csv").text
    return list(csv.DictReader(io.StringIO(table)))


def signs(researcher: FlaskClient) -> dict[str, tuple[str, str, str]]:
    """Return (answers, impossibly fast, too early) by the participant's comment."""
    return {
        row["comment"]: (row["trials_answered"], row["impossible_rt"], row["too_soon"])
        for row in rows(researcher)
    }


def take_part(app: Flask, comment: str, **reported: object) -> None:
    """Answer all trials immediately. reported: fields of the responses."""
    client = app.test_client()
    base = consent(client)
    while waiting := trials(client, base):
        client.post(f"{waiting[0]}/start", json={})
        answer(client, waiting[0], **reported)
    client.post(f"{base}/comment", data={"comment": comment})


def test_impossibly_fast_answers_are_flagged_and_kept(app: Flask, researcher: FlaskClient) -> None:
    take_part(app, "honest about its haste", rt_ms=3, first_ms=0, second_ms=0)
    take_part(app, "pretends to have looked", rt_ms=700, first_ms=1000, second_ms=1000)
    person = app.test_client()
    base = consent(person)
    answer_all(person, base)
    person.post(f"{base}/comment", data={"comment": "a person"})
    with app.extensions["engine"].execution_options(writes=True).begin() as connection:
        when = {"sqlite": "datetime(started_at, '-9 seconds')"}
        moment = when.get(connection.dialect.name, "started_at - interval '9 seconds'")
        mine = "(SELECT id FROM participant WHERE comment = 'a person')"
        connection.execute(
            text(f"UPDATE trial SET started_at = {moment} WHERE participant_id = {mine}")
        )
    assert signs(researcher) == {
        "honest about its haste": ("7", "7", "0"),
        "pretends to have looked": ("7", "0", "7"),
        "a person": ("7", "0", "0"),
    }


def test_automated_browsers_are_flagged_and_kept(app: Flask, researcher: FlaskClient) -> None:
    client = app.test_client()
    base = consent(client)
    client.post(f"{base}/environment", json=SCREEN | {"webdriver": True})
    pressed = iter(["keydown", "script", "mouse", "script"])
    while waiting := trials(client, base):
        client.post(f"{waiting[0]}/start", json={})
        answer(client, waiting[0], input=next(pressed, "mouse"))
    (row,) = rows(researcher)
    assert (row["outcome"], row["webdriver"], row["scripted"]) == ("complete", "1", "2")
    assert row["inputs"] == "keydown mouse script"
    page = researcher.get("/researcher/studies/short/participants").text  # practice aside
    assert "automated browser; 1 answer given by a script" in " ".join(page.split())
