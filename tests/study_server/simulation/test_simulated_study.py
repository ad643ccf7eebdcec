"""Simulated participants over HTTP."""

import math
from pathlib import Path
from random import Random

import httpx
import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select, text

from study_server.errors import StudyError
from study_server.simulation.rehearsal_server import rehearsal_server
from study_server.simulation.simulated_people import SimulatedPopulation, marginal_intercept
from study_server.simulation.simulated_study import simulate_participants
from study_server.storage.engine import read_session
from study_server.storage.models import Participant
from study_server.vocabulary import Mode, Outcome
from tests.conftest import SECRET, simulate

RATES = {"l2": 0.226, "mcl": 0.301}


def test_simulated_people_answer_every_trial_on_both_databases(app: Flask) -> None:
    assert simulate(app, "short", 3, SimulatedPopulation(RATES)) == 3
    with read_session(app.extensions["engine"]) as db:
        people = db.scalars(select(Participant)).all()
        rows = db.execute(text("SELECT * FROM responses_export")).mappings().all()
    assert {(p.mode, p.outcome) for p in people} == {(Mode.SIMULATED, Outcome.COMPLETE)}
    assert len(rows) == 3 * 7
    assert all(row["answer"] in ("left", "right") for row in rows)


@pytest.mark.slow(3)
def test_a_rehearsal_runs_its_own_server(
    app: Flask, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("STUDY_PUBLIC_URL", "https://study.example.org")  # its cookies want https
    engine = app.extensions["engine"]
    with rehearsal_server() as server:
        assert server.secret_key != SECRET
        assert simulate_participants(server, engine, "short", 1, SimulatedPopulation(RATES)) == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.address}/healthz")


def test_a_second_run_enrolls_new_participants(app: Flask) -> None:
    for _ in range(2):
        assert simulate(app, "short", 1, SimulatedPopulation(RATES)) == 1


def test_a_method_without_a_rate_is_refused(app: Flask) -> None:
    with pytest.raises(StudyError, match="no value for method mcl; add one to --rates"):
        simulate(app, "short", 1, SimulatedPopulation({"l2": 0.2}))


def test_dropouts_do_not_finish(app: Flask) -> None:
    assert simulate(app, "short", 2, SimulatedPopulation(RATES, dropout_rate=1.0)) == 0


def test_the_intercept_gives_the_marginal_rate() -> None:
    normal = np.random.default_rng(0).standard_normal(400_000)
    beta = marginal_intercept(0.301, 0.9434)
    assert (1 / (1 + np.exp(-beta - 0.9434 * normal))).mean() == pytest.approx(0.301, abs=2e-3)
    assert beta < math.log(0.301 / 0.699)  # the conditional rate lies further from 1/2


@pytest.mark.slow(1)
def test_effects_cross_participants_and_images() -> None:
    population = SimulatedPopulation({"l2": 0.226, "mcl": 0.301}, participant_sd=0.5, image_sd=0.8)
    logit = np.array(
        [
            [_logit(population.error_probability(f"p{p}", f"i{i}", "mcl")) for i in range(200)]
            for p in range(200)
        ]
    )
    assert logit.mean(axis=1).std() == pytest.approx(0.5, rel=0.15)
    assert logit.mean(axis=0).std() == pytest.approx(0.8, rel=0.15)


def test_a_person_gullible_with_one_method_is_so_with_the_other() -> None:
    population = SimulatedPopulation({"l2": 0.226, "mcl": 0.301}, participant_sd=1, image_sd=0)
    l2, mcl = (
        np.array([_logit(population.error_probability(f"p{p}", "i", method)) for p in range(2000)])
        for method in ("l2", "mcl")
    )
    correlation = ((l2 - l2.mean()) * (mcl - mcl.mean())).mean() / (l2.std() * mcl.std())
    assert correlation == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow(1)
def test_many_simulated_people_have_the_marginal_rates() -> None:
    population, rng = SimulatedPopulation({"l2": 0.226, "mcl": 0.301}), Random(1)
    drawn = [
        rng.random() < population.error_probability(f"p{p}", f"i{i}", "mcl")
        for p in range(150)
        for i in range(150)
    ]
    assert np.mean(drawn) == pytest.approx(0.301, abs=0.03)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
