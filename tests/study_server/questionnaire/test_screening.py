"""Screening questions and plates, and the effects of the answers."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine, func, select

from study_server.export.csv_files import export_study
from study_server.questionnaire.color_plates import DIGITS, PLATE_PX
from study_server.questionnaire.screening import plate_digits
from study_server.settings import Settings
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.storage.models import Participant, Screening
from study_server.studies.lookup import count_by_outcome, find_study
from study_server.vocabulary import Mode, Outcome
from tests.apps import open_app
from tests.conftest import SECRET, short_protocol, simulate
from tests.imported_studies import open_study
from tests.study_server.browsing import consent

ASKED: dict[str, Any] = {
    "device": "computer",
    "color_vision": "required",
    "night_light": "recorded",
    "plates": 4,
    "plates_min_correct": 3,
}
HEALTHY = {"color_vision": "normal", "night_light": "off"}


@pytest.fixture
def app(engine: Engine, database_url: str, tmp_path: Path, manifest: Path) -> Flask:
    """The server with a short study that screens."""
    open_study(engine, short_protocol(**ASKED), manifest, tmp_path / "instance")
    return open_app(
        Settings(
            database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
        ),
        engine,
    )


def digits_of(engine: Engine) -> list[int]:
    with read_session(engine) as db:
        return plate_digits(db.scalars(select(Participant)).one())


def read_plates(engine: Engine, right: int) -> dict[str, str]:
    """Return the form of a participant who reads this many plates correctly, the others wrong."""
    digits = digits_of(engine)
    return {
        f"plate-{number}": str(digit if number < right else digit - 1)
        for number, digit in enumerate(digits)
    }


def stored(engine: Engine) -> tuple[Outcome, tuple[object, ...] | None]:
    with read_session(engine) as db:
        person = db.scalars(select(Participant)).one()
        screening = db.get(Screening, person.id)
        if screening is None:
            return person.outcome, None
        answers = screening.color_vision, screening.night_light, screening.plates_correct
        return person.outcome, tuple(map(str, answers))


@pytest.mark.parametrize(
    ("answers", "right", "outcome"),
    [
        (HEALTHY, 4, Outcome.ACTIVE),
        (HEALTHY, 3, Outcome.ACTIVE),
        (HEALTHY, 2, Outcome.SCREENED_OUT),
        (HEALTHY | {"night_light": "on"}, 4, Outcome.ACTIVE),
        (HEALTHY | {"color_vision": "deficient"}, 4, Outcome.SCREENED_OUT),
        (HEALTHY | {"color_vision": "unknown"}, 4, Outcome.SCREENED_OUT),
    ],
)
def test_the_protocol_says_which_answers_screen_out(
    answers: Mapping[str, str], right: int, outcome: Outcome, client: FlaskClient, engine: Engine,
) -> None:  # fmt: skip
    base = consent(client)
    assert client.get(base).location == f"{base}/screening"
    assert client.get(f"{base}/screening").status_code == 200
    answer = client.post(f"{base}/screening", data={**answers, **read_plates(engine, right)})
    assert (answer.status_code, answer.location) == (303, base)
    expected = answers["color_vision"], answers["night_light"], str(right)
    assert stored(engine) == (outcome, expected)
    page = client.get(base).text
    assert ("This is the end of the study for you" in page) == (outcome is Outcome.SCREENED_OUT)
    assert ("not a medical test" in page) == (outcome is Outcome.SCREENED_OUT)
    assert bool(client.get(f"{base}/trials").get_json()["trials"]) == (outcome is Outcome.ACTIVE)


def test_screened_out_participants_take_no_place(client: FlaskClient, engine: Engine) -> None:
    base = consent(client)
    client.post(f"{base}/screening", data=HEALTHY | {"color_vision": "deficient"})
    with read_session(engine) as db:
        counts = count_by_outcome(db, find_study(db, "short"))
    assert (counts[Outcome.SCREENED_OUT], counts[Outcome.ACTIVE]) == (1, 0)


def test_the_first_screening_answers_are_final(client: FlaskClient, engine: Engine) -> None:
    base = consent(client)
    client.post(f"{base}/screening", data=HEALTHY | read_plates(engine, 4))
    again = client.post(f"{base}/screening", data=HEALTHY | {"color_vision": "deficient"})
    assert again.location == base
    assert stored(engine) == (Outcome.ACTIVE, ("normal", "off", "4"))
    assert client.get(f"{base}/screening").location == base
    assert client.get(f"{base}/screening/plates/0").status_code == 410


@pytest.mark.parametrize("left_out", [{"color_vision": ""}, {"night_light": "dim"}])
def test_a_missing_answer_shows_the_form_again_with_the_others(
    left_out: Mapping[str, str], client: FlaskClient, engine: Engine
) -> None:
    base = consent(client)
    page = client.post(f"{base}/screening", data={**HEALTHY, **left_out, "plate-1": "7"})
    assert page.status_code == 400
    assert "Please answer every question" in page.text
    assert page.text.count(" checked") == 1
    assert 'name="plate-1" value="7"' in page.text
    assert stored(engine) == (Outcome.ACTIVE, None)


@pytest.mark.slow(0.9)
def test_plates_differ_between_participants_and_are_not_cached(
    client: FlaskClient, engine: Engine
) -> None:
    base = consent(client)
    replies = [client.get(f"{base}/screening/plates/{number}") for number in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 4 + [404]
    pictures = [np.asarray(Image.open(io.BytesIO(reply.data))) for reply in replies[:4]]
    assert {picture.shape for picture in pictures} == {(PLATE_PX, PLATE_PX, 3)}
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert replies[0].headers["Cache-Control"] == "private, no-store"
    assert len({len(reply.data) for reply in replies[:4]}) == 1  # its size tells nothing
    digits = digits_of(engine)
    assert len(set(digits)) == 4
    assert set(digits) <= set(DIGITS)


def test_the_answers_are_in_the_export(client: FlaskClient, engine: Engine, tmp_path: Path) -> None:
    base = consent(client)
    client.post(f"{base}/screening", data=HEALTHY | read_plates(engine, 3))
    with read_session(engine) as db:
        export_study(
            db, find_study(db, "short"), tmp_path / "responses.csv", list(Mode), blinded=False
        )
    with (tmp_path / "participants.csv").open() as handle:
        (row,) = csv.DictReader(handle)
    answers = row["color_vision"], row["night_light"], row["plates_correct"]
    assert answers == ("normal", "off", "3")


@pytest.mark.slow(0.3)
def test_simulated_participants_answer_the_screening(app: Flask, engine: Engine) -> None:
    assert simulate(app, "short", 1, SimulatedPopulation({"l2": 0.2, "mcl": 0.3})) == 1
    assert stored(engine) == (Outcome.COMPLETE, ("normal", "off", "4"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_study_without_screening_starts_with_the_trials(
    engine: Engine, database_url: str, tmp_path: Path, manifest: Path
) -> None:
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    client = open_app(
        Settings(
            database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
        ),
        engine,
    ).test_client()
    base = consent(client)
    assert client.get(base).status_code == 200
    assert client.get(f"{base}/screening").location == base
    client.post(f"{base}/screening", data=HEALTHY)
    with read_session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Screening)) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("asked", [{"color_vision": "recorded"}, {"night_light": "recorded"}])
def test_recorded_answers_do_not_screen_out(
    asked: dict[str, Any], engine: Engine, database_url: str, tmp_path: Path, manifest: Path
) -> None:
    open_study(engine, short_protocol(**asked), manifest, tmp_path / "instance")
    client = open_app(
        Settings(
            database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
        ),
        engine,
    ).test_client()
    base = consent(client)
    client.post(f"{base}/screening", data={"color_vision": "deficient", "night_light": "on"})
    outcome, answers = stored(engine)
    assert outcome is Outcome.ACTIVE
    assert answers is not None
    assert [answer for answer in answers if answer != "None"] == [
        "deficient" if "color_vision" in asked else "on"
    ]
