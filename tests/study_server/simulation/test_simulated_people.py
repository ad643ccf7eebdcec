"""Simulated people err as often as they should, and differ as people do."""

import math
from random import Random

import numpy as np
import pytest

from study_server.simulation.simulated_people import SimulatedPopulation, marginal_intercept


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
