"""Attacks by the answers to a study's own questions."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from study_server.csv_cells import remove_guard
from study_server.questionnaire.answers import MAX_TEXT_ANSWER
from study_server.storage.engine import read_session
from study_server.storage.models import QuestionAnswer
from tests.attacks.answering import answer_all, trials
from tests.attacks.test_injection import FORMULAS, SCRIPT, SQL
from tests.study_server.asking import HOW, QUESTIONS, ask
from tests.study_server.browsing import consent

BEFORE = {"answer-age": "0", "answer-years": "3"}


@pytest.fixture(autouse=True)
def _questions(app: Flask) -> None:
    ask(app, *QUESTIONS, HOW | {"name": "why", "when": "before"})


def count_answers(app: Flask) -> int:
    with read_session(app.extensions["engine"]) as db:
        return db.scalar(select(func.count()).select_from(QuestionAnswer)) or 0


def test_nobody_answers_questions_for_another_participant(
    app: Flask, client: FlaskClient, base: str
) -> None:
    for token in ("", "0", "A" * 22, "' OR '1'='1"):
        assert client.post(f"/p/{token}/questions/before", data=BEFORE).status_code in (404, 405)
    body = {"page": "before", "answers": {"age": 0, "years": 3}}
    assert client.post("/api/v1/questions", json=body).status_code == 401  # whatever the cookie
    assert count_answers(app) == 0
    other = consent(app.test_client())
    client.post(f"{base}/questions/before", data=BEFORE)
    assert count_answers(app) == 2
    assert "answer-age" in client.get(f"{other}/questions/before").text  # still to be answered


def test_questions_cannot_be_skipped(client: FlaskClient, base: str) -> None:
    for address in (f"{base}/trials", f"{base}/resume"):
        send = client.get if address.endswith("trials") else client.post
        assert send(address).status_code == 409
    client.post(f"{base}/questions/before", data=BEFORE)
    answer_all(client, base)
    assert client.get(f"{base}/debrief").location.endswith("/questions/after")
    header = {"Authorization": f"Bearer {base.rpartition('/')[2]}"}
    assert client.get("/api/v1/result", headers=header).get_json()["code"] is None


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"answer-why": "x" * (MAX_TEXT_ANSWER + 1)}, 400),
        ({"answer-why": "x" * 70_000}, 413),
        ({"answer-why": "a\0b"}, 400),
        ({"answer-age": "2"}, 400),
        ({"answer-age": "-1"}, 400),
        ({"answer-age": "9" * 5000}, 400),
        ({"answer-years": "1e400"}, 400),
        ({"answer-years": "NaN"}, 400),
        ({"answer-years": "sNaN"}, 400),
        ({"answer-years": "1,0e99999"}, 400),
        ({"answer-years": "1,0e9999999999"}, 400),
        ({"answer-years": "9" * 5000}, 400),
    ],
)
def test_forged_and_overlong_answers_store_nothing(
    changed: dict[str, str], status: int, app: Flask, client: FlaskClient, base: str
) -> None:
    reply = client.post(f"{base}/questions/before", data=BEFORE | changed)
    assert reply.status_code == status
    assert count_answers(app) == 0


@pytest.mark.slow(0.3)
def test_answers_are_neither_code_nor_formulas_nor_shown_to_researchers(
    app: Flask, client: FlaskClient, base: str, researcher: FlaskClient
) -> None:
    rendered = client.post(f"{base}/questions/before", data={"answer-why": SCRIPT})
    assert rendered.status_code == 400
    assert "<script>alert" not in rendered.text
    for text in (SCRIPT, SQL[0], *FORMULAS):
        other = consent(browser := app.test_client())
        browser.post(f"{other}/questions/before", data=BEFORE | {"answer-why": text})
        assert trials(browser, other)
    study = "/researcher/studies/short"
    for address in (study, f"{study}/progress", f"{study}/participants"):
        assert "alert(1)" not in researcher.get(address).text
    exported = researcher.get(f"{study}/files/questionnaire.csv").text
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    texts = [row["value"] for row in rows if row["name"] == "why"]
    assert {SCRIPT, SQL[0]} < set(map(remove_guard, texts))
    assert not any(text.lstrip(" ")[:1] in "=+-@" for text in texts)
