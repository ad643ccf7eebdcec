"""A study's own questions, asked by a lab's own front end."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from study_server.storage.engine import read_session
from study_server.storage.models import QuestionAnswer
from tests.study_server.asking import ask
from tests.study_server.views.api.test_routes import SHOWN, enroll, header

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADDRESS = "/api/v1/questions"
NOTHING: dict[str, object] = {"page": None, "questions": []}


@pytest.fixture
def token(app: Flask, client: FlaskClient) -> dict[str, str]:
    """The header of a German participant of a study with questions."""
    ask(app)
    texts = client.get("/api/v1/studies/short").get_json()["texts"]["de"]
    return header(enroll(client, language="de", consent_version=texts["consent_version"]))


def answer_trials(client: FlaskClient, token: dict[str, str]) -> None:
    while trials := client.get("/api/v1/trials", headers=token).get_json()["trials"]:
        path = f"/api/v1/trials/{trials[0]['token']}/response"
        assert client.post(path, json=SHOWN, headers=token).status_code == 200


def test_questions_are_asked_before_the_first_trial_and_after_the_last(
    client: FlaskClient, token: dict[str, str], app: Flask
) -> None:
    asked = client.get(ADDRESS, headers=token).get_json()
    assert (asked["page"], [one["name"] for one in asked["questions"]]) == (
        "before",
        ["age", "years"],
    )
    assert asked["questions"][0] == {
        "name": "age",
        "text": "Wie alt sind Sie?",
        "kind": "choice",
        "options": ["18 bis 34", "35 oder älter"],
        "required": True,
    }
    refused = client.post("/api/v1/resume", headers=token)
    assert refused.get_json()["error"] == f"answer the questions of {ADDRESS} first"
    before = {"page": "before", "answers": {"age": 1.0, "years": None}}  # some write 1 as 1.0
    for _ in range(2):  # a repeated request changes nothing
        assert client.post(ADDRESS, json=before, headers=token).status_code == 204
    assert client.get(ADDRESS, headers=token).get_json() == NOTHING
    answer_trials(client, token)
    result = client.get("/api/v1/result", headers=token).get_json()
    assert (result["outcome"], result["code"]) == ("complete", None)
    assert client.get(ADDRESS, headers=token).get_json()["page"] == "after"
    assert client.post(ADDRESS, json={"page": "after"}, headers=token).status_code == 204
    assert client.get("/api/v1/result", headers=token).get_json()["code"]
    with read_session(app.extensions["engine"]) as db:
        rows = db.execute(select(QuestionAnswer.name, QuestionAnswer.value)).all()
    assert sorted(map(tuple, rows)) == [("age", "35 or older"), ("years", None)]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"page": "after", "answers": {}},
            409,
            "page: the questions after the trials cannot be answered now",
        ),
        ({"page": "during"}, 400, "page: Input should be 'before' or 'after'"),
        ({"page": "before"}, 400, "answers.age: Bitte beantworten Sie diese Frage."),
        (
            {"page": "before", "answers": {"age": 0, "years": "2"}},
            400,
            "answers.years: Bitte geben",
        ),
        ({"page": "before", "answers": {"age": True, "years": 2}}, 400, "answers.age"),
        ({"page": "before", "answers": {"seen": 0}}, 400, "answers.seen: Diese Frage gibt es auf"),
        ({"page": "before", "answers": {"age": 0, "years": [2]}}, 400, "answers.years"),
        ({"page": "before", "answers": {"how": "x" * 20_000}}, 400, "answers.how"),
        ({"page": "before", "answers": {"how": "a\0b"}}, 400, "answers.how"),
    ],
)
def test_invalid_answers_are_refused_by_name(
    body: dict[str, object], status: int, error: str, client: FlaskClient, token: dict[str, str]
) -> None:
    reply = client.post(ADDRESS, json=body, headers=token)
    assert reply.status_code == status
    assert reply.get_json()["error"].startswith(error)
    assert client.get(ADDRESS, headers=token).get_json()["page"] == "before"


def test_a_study_without_questions_has_no_page(client: FlaskClient) -> None:
    assert client.get(ADDRESS, headers=header(enroll(client))).get_json() == NOTHING
