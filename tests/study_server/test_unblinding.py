"""Nobody sees the truth of a running study by accident, and who takes it is on record."""

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server import enrolment
from study_server.database import transaction
from study_server.freeze import Plan, freeze
from study_server.models import Study
from study_server.studies import find
from study_server.tables import list_unblinding
from study_server.unblinding import is_blinded, withhold_truth
from study_server.words import Mode, Outcome, Source, State


@pytest.fixture
def engine(app: Flask) -> Engine:
    engine: Engine = app.extensions["engine"]
    return engine


def complete(db: Session, study: Study, people: int, mode: Mode = Mode.LIVE) -> None:
    for number in range(people):
        person = enrolment.enroll(db, study, f"{mode}{number}", mode, Source.LINK)
        person.outcome = Outcome.COMPLETE
    db.flush()


@pytest.mark.parametrize(
    ("planned", "people", "state", "blinded"),
    [
        (2, 1, State.OPEN, True),
        (2, 1, State.PAUSED, True),
        (2, 2, State.OPEN, False),
        (2, 1, State.CLOSED, False),
        (None, 2, State.OPEN, True),
        (None, 2, State.CLOSED, False),
    ],
)
def test_a_study_is_blinded_until_its_planned_sample_or_its_end(
    planned: int | None, people: int, state: State, blinded: bool, engine: Engine
) -> None:
    with transaction(engine) as db:
        study = find(db, "short")
        freeze(db, study, Plan(participants=planned), "aa")
        complete(db, study, people)
        study.state = state
        assert is_blinded(db, study) is blinded


def test_previews_and_simulated_people_are_no_sample(engine: Engine) -> None:
    with transaction(engine) as db:
        study = find(db, "short")
        freeze(db, study, Plan(participants=1), "aa")
        complete(db, study, 2, Mode.SIMULATED)
        complete(db, study, 2, Mode.PREVIEW)
        assert is_blinded(db, study)


def test_a_look_is_on_record_with_when_by_whom_and_at_how_many(engine: Engine) -> None:
    with transaction(engine) as db:
        study = find(db, "short")
        complete(db, study, 3)
        assert withhold_truth(db, study)
        assert not withhold_truth(db, study, "ada")
        study.state = State.CLOSED
        assert not withhold_truth(db, study, "eve")  # nothing is hidden any more
        (look,) = list_unblinding(db, study)
    assert (look["by"], look["complete"]) == ("ada", 3)
    assert str(look["unblinded_at"]).endswith("+00:00")
