"""Sample sizes for preferences and ratings: the table of the design, and simulations that agree."""

from math import inf, sqrt

import numpy as np
import pytest

from analysis.planning.judged_scenarios import (
    JudgedScenario,
    JudgedSds,
    PreferenceScenario,
    RatingScenario,
)
from analysis.planning.scenario_power import (
    compute_power,
    expected_half_width,
    find_images_needed,
    find_participants_needed,
)
from analysis.planning.simulated_judgments import simulate_estimates, simulate_preferences
from analysis.planning.simulated_studies import simulate_power

# A difference of .405 on the log odds is a win rate of 60 %, and .3 is one of 57.44 %.
PREFERENCES = [
    (0.6, 4, 60, 30, JudgedSds(0.46, 0.5), 106),
    (0.6, 4, 200, 40, JudgedSds(0.46, 0.5), 55),
    (0.5744, 4, 200, 40, JudgedSds(0.46, 0.5), 111),
    (0.6, 6, 200, 40, JudgedSds(0.46, 0.5), 85),
    (0.6, 4, 100, 20, JudgedSds(0.3, 0.3), 67),
    (0.6457, 5, 40, 20, JudgedSds(0.46, 0.5), 70),
]
RATINGS = [
    (0.4, 2, 40, 20, 25),
    (0.3, 3, 60, 30, 74),
    (0.2, 4, 200, 40, 152),
    (0.3, 5, 100, 25, 119),
]


@pytest.mark.parametrize(("win_rate", "methods", "images", "trials", "sds", "people"), PREFERENCES)
def test_the_designs_table_of_preferences(
    win_rate: float, methods: int, images: int, trials: int, sds: JudgedSds, people: int
) -> None:
    study = PreferenceScenario(
        win_rate=win_rate, sds=sds, trials=trials, images=images, methods=methods
    )
    assert find_participants_needed(study, 0.8) == pytest.approx(people, rel=0.015)


@pytest.mark.parametrize(("difference", "methods", "images", "trials", "people"), RATINGS)
def test_the_designs_table_of_ratings(
    difference: float, methods: int, images: int, trials: int, people: int
) -> None:
    study = RatingScenario(difference=difference, trials=trials, images=images, methods=methods)
    assert find_participants_needed(study, 0.8) == pytest.approx(people, rel=0.02)


def test_without_effects_preferences_need_the_binomial_number_of_choices() -> None:
    study = PreferenceScenario(
        win_rate=0.6, sds=JudgedSds(0, 0), trials=1, images=1_000_000, methods=2
    )
    assert study.difference_se(400) == pytest.approx(sqrt(1 / (0.235 * 400)))
    assert study.reported_se(400) == pytest.approx(sqrt(0.24 / 400), rel=0.02)


def test_images_cap_the_power() -> None:
    study = RatingScenario(difference=0.1, images=40)
    assert find_participants_needed(study, 0.8) is None
    assert study.difference_se(inf) == pytest.approx(sqrt(2 * 0.35**2 / 40))
    enough = find_images_needed(study, 0.8)
    assert enough is not None
    assert compute_power(RatingScenario(difference=0.1, images=enough), inf) >= 0.8


SMALL: list[JudgedScenario] = [
    PreferenceScenario(win_rate=0.62, trials=30, images=100, methods=3),
    RatingScenario(difference=-0.35, trials=30, images=60, methods=3),
]


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("study", SMALL)
def test_simulated_studies_agree_with_the_formula(study: JudgedScenario) -> None:
    people = find_participants_needed(study, 0.8)
    assert people is not None
    assert simulate_power(study, people, studies=100, seed=0) == pytest.approx(0.82, abs=0.1)
    estimates = [
        simulate_estimates(study, people, np.random.default_rng(seed)) for seed in range(100)
    ]
    found = np.array([one.values[0] - one.values[1] for one in estimates if one])
    assert found.mean() == pytest.approx(study.difference, rel=0.1)
    assert found.std(ddof=1) == pytest.approx(study.difference_se(people), rel=0.25)


def test_all_pairs_are_dealt_evenly_and_nobody_sees_an_image_twice() -> None:
    study = PreferenceScenario(win_rate=0.6, trials=12, images=12, methods=4)
    trials = simulate_preferences(study, 5, np.random.default_rng(0))
    pairs, counts = np.unique(trials.candidate, axis=0, return_counts=True)
    assert (len(pairs), set(counts.tolist())) == (6, {10})
    assert len({*zip(trials.participant.tolist(), trials.image.tolist(), strict=True)}) == 60


def test_the_half_width_is_that_of_what_is_reported() -> None:
    study = SMALL[0]
    half = expected_half_width(study, 50)
    assert half == pytest.approx(2.0096 * study.reported_se(50), rel=1e-4)
    assert study.reported_se(50) == pytest.approx(0.62 * 0.38 * study.difference_se(50))
