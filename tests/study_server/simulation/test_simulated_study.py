"""Simulated participants over HTTP."""

import pytest
from flask import Flask
from sqlalchemy import select, text

from study_server.errors import StudyError
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.storage.models import Participant
from study_server.vocabulary import Mode, Outcome
from tests.conftest import simulate

RATES = {"l2": 0.226, "mcl": 0.301}


def test_simulated_people_answer_every_trial_on_both_databases(app: Flask) -> None:
    assert simulate(app, "short", 3, SimulatedPopulation(RATES)) == 3
    with read_session(app.extensions["engine"]) as db:
        people = db.scalars(select(Participant)).all()
        rows = db.execute(text("SELECT * FROM responses_export")).mappings().all()
    assert {(p.mode, p.outcome) for p in people} == {(Mode.SIMULATED, Outcome.COMPLETE)}
    assert len(rows) == 3 * 7
    assert all(row["answer"] in ("left", "right") for row in rows)


def test_a_second_run_enrolls_new_participants(app: Flask) -> None:
    for _ in range(2):
        assert simulate(app, "short", 1, SimulatedPopulation(RATES)) == 1


def test_a_method_without_a_rate_is_refused(app: Flask) -> None:
    with pytest.raises(StudyError, match="no value for method mcl; add one to --rates"):
        simulate(app, "short", 1, SimulatedPopulation({"l2": 0.2}))


def test_dropouts_do_not_finish(app: Flask) -> None:
    assert simulate(app, "short", 2, SimulatedPopulation(RATES, dropout_rate=1.0)) == 0
