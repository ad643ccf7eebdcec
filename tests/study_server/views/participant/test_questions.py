"""The pages with a study's own questions."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from study_server.export.csv_files import export_study
from study_server.export.psych_ds import iterate_files
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.storage.models import QuestionAnswer, SubmittedPage
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode
from tests.attacks.answering import answer_all
from tests.conftest import simulate
from tests.study_server.asking import AGE, HOW, YEARS, ask
from tests.study_server.browsing import consent

BEFORE = {"answer-age": "0", "answer-years": "2.5"}
AFTER = {"answer-seen": "1", "answer-how": "By the sky"}
# Every test but the first needs one database only, because services are tested on both.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def stored(app: Flask) -> dict[str, str | None]:
    with read_session(app.extensions["engine"]) as db:
        answers = db.scalars(select(QuestionAnswer))
        return {answer.name: answer.value for answer in answers}


def export(app: Flask, folder: Path) -> list[tuple[str, ...]]:
    """Export the study; return (name, type, value) of every answer."""
    with read_session(app.extensions["engine"]) as db:
        export_study(db, find_study(db, "short"), folder / "responses.csv", list(Mode), False)
    with (folder / "questionnaire.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["study"], row["mode"]) for row in rows} == {("short", "live")}
    return [(row["name"], row["type"], row["value"]) for row in rows]


def test_answers_are_stored_exported_and_erased(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    ask(app)
    base = consent(client)
    assert client.get(base).location == f"{base}/questions/before"
    page = client.get(f"{base}/questions/before").text
    assert "A few questions before you start" in page
    assert "How did you decide?" not in page
    assert client.get(f"{base}/trials").status_code == 409  # not before the questions
    assert client.post(f"{base}/questions/before", data=BEFORE).location == base
    assert client.get(base).status_code == 200
    answer_all(client, base)
    assert client.get(f"{base}/debrief").location == f"{base}/questions/after"  # no code yet
    assert client.post(f"{base}/questions/after", data=AFTER).location == base
    assert "you’re done" in client.get(f"{base}/debrief").text
    assert export(app, tmp_path) == [
        ("age", "choice", "18 to 34"),
        ("how", "text", "By the sky"),
        ("seen", "choice", "No"),
        ("years", "number", "2.5"),
    ]
    client.post(f"{base}/withdraw")
    with read_session(app.extensions["engine"]) as db:
        for table in (QuestionAnswer, SubmittedPage):
            assert db.scalar(select(func.count()).select_from(table)) == 0


@on_sqlite
def test_what_participants_wrote_is_not_part_of_a_published_dataset(
    app: Flask, client: FlaskClient
) -> None:
    ask(app, HOW, YEARS)
    base = consent(client)
    client.post(f"{base}/questions/before", data=BEFORE)
    answer_all(client, base)
    client.post(f"{base}/questions/after", data=AFTER)
    client.post(f"{base}/comment", data={"comment": "I am Ada"})
    with read_session(app.extensions["engine"]) as db:
        files = {
            path: "".join(content)
            for path, content in iterate_files(db, find_study(db, "short"), list(Mode), False)
        }
    (questionnaire,) = [
        file for path, file in files.items() if path.endswith("questionnaire_data.csv")
    ]
    assert [row["name"] for row in csv.DictReader(io.StringIO(questionnaire))] == ["years"]
    assert not any("By the sky" in content or "Ada" in content for content in files.values())


@on_sqlite
def test_the_first_submission_of_a_page_is_final(app: Flask, client: FlaskClient) -> None:
    ask(app)
    base = consent(client)
    for years in ("2.5", "7"):  # a second tab, or the back button
        form = BEFORE | {"answer-years": years}
        assert client.post(f"{base}/questions/before", data=form).location == base
    assert stored(app) == {"age": "18 to 34", "years": "2.5"}
    assert client.get(f"{base}/questions/before").location == base


@on_sqlite
def test_a_page_that_is_not_due_stores_nothing(app: Flask, client: FlaskClient) -> None:
    ask(app)
    base = consent(client)
    assert client.get(f"{base}/questions/after").location == base
    assert client.post(f"{base}/questions/after", data=AFTER).location == base
    assert client.get(f"{base}/questions/during").status_code == 404
    assert client.post(f"{base}/questions/during", data=AFTER).status_code == 404
    assert stored(app) == {}


@on_sqlite
def test_the_screening_comes_before_the_questions(app: Flask, client: FlaskClient) -> None:
    ask(app, night_light="recorded")
    base = consent(client)
    assert client.get(base).location == f"{base}/screening"
    assert client.get(f"{base}/questions/before").location == base
    assert client.post(f"{base}/questions/before", data=BEFORE).location == base
    assert stored(app) == {}
    client.post(f"{base}/screening", data={"night_light": "off"})
    assert client.get(base).location == f"{base}/questions/before"


@on_sqlite
@pytest.mark.parametrize(
    "form", [{"declined-years": "yes"}, {"declined-years": "yes", "answer-years": "9"}]
)
def test_everybody_can_prefer_not_to_say(
    form: Mapping[str, str], app: Flask, client: FlaskClient
) -> None:
    ask(app)
    base = consent(client)
    client.post(f"{base}/questions/before", data={"answer-age": "declined", **form})
    assert stored(app) == {"age": None, "years": None}


@on_sqlite
@pytest.mark.parametrize(
    ("language", "written", "value"),
    [("en", "1,500", "1500"), ("de", "1,5", "1.5"), ("de", "1.500", "1500"), ("en", "1,5", None)],
)
def test_numbers_are_read_in_the_language_of_the_page(
    language: str, written: str, value: str | None, app: Flask, client: FlaskClient
) -> None:
    ask(app, YEARS)
    base = consent(client, f"/s/short?lang={language}")
    reply = client.post(f"{base}/questions/before", data={"answer-years": written})
    assert reply.status_code == (400 if value is None else 303)
    assert stored(app) == ({} if value is None else {"years": value})


@on_sqlite
def test_a_page_with_a_problem_keeps_what_was_entered(app: Flask, client: FlaskClient) -> None:
    ask(app, AGE, YEARS, HOW | {"when": "before"})
    base = consent(client, "/s/short?lang=de")
    form = {"answer-age": "1", "answer-years": "viele <b>", "answer-how": "Am Himmel"}
    reply = client.post(f"{base}/questions/before", data=form)
    assert reply.status_code == 400
    assert reply.text.count("Bitte geben Sie eine Zahl ein.") == 1
    assert 'value="viele &lt;b&gt;"' in reply.text
    assert ">Am Himmel</textarea>" in reply.text
    assert reply.text.count(" checked>") == 1
    assert stored(app) == {}


@on_sqlite
def test_simulated_participants_answer_all_questions(app: Flask) -> None:
    ask(app)
    assert simulate(app, "short", 1, SimulatedPopulation({"l2": 0.2, "mcl": 0.3})) == 1
    assert set(stored(app)) == {"age", "years", "seen", "how"}
