"""Tests of the win rates beside those that strengths imply."""

import numpy as np
import pytest
from scipy.special import expit

from analysis.inference.judged.transitivity import find_residuals
from analysis.inference.strengths import RankedTrials, estimate_strengths
from tests.analysis.inference.task_data import draw_rankings, read_rankings

PAIRS = [(0, 1), (0, 2), (1, 2)]


def make_circle(rng: np.random.Generator, twist: float) -> RankedTrials:
    """Draw pairs of three equal methods, each of which beats the next on the circle by a twist."""
    trials = draw_rankings(rng, (0, 0, 0), people=30, images=40, trials=30)
    first, second = trials.candidate.T
    ahead = np.where((second - first) % 3 == 1, twist, -twist)
    wins = rng.random(len(first)) < expit(ahead)
    rank = np.where(wins[:, None], [1, 2], [2, 1])
    return RankedTrials(trials.methods, trials.candidate, rank, trials.participant, trials.image)


def test_residuals_are_win_rates_minus_the_implied_ones() -> None:
    trials = read_rankings("pairs")
    strengths = estimate_strengths(trials)
    assert strengths is not None
    (one,) = find_residuals(trials, strengths, [(0, 3)])
    shows = (trials.candidate == 0).any(axis=1) & (trials.candidate == 3).any(axis=1)
    rank = trials.rank[shows]
    of_first = np.where(trials.candidate[shows] == 0, rank, 0).sum(axis=1)
    of_second = np.where(trials.candidate[shows] == 3, rank, 0).sum(axis=1)
    rate = float(np.where(of_first == of_second, 0.5, of_first < of_second).mean())
    implied = float(expit(strengths.values[0] - strengths.values[3]))
    assert (one.implied, one.residual) == pytest.approx((implied, rate - implied))
    assert one.p is not None


def test_a_circle_of_preferences_is_found() -> None:
    trials = make_circle(np.random.default_rng(0), twist=0.6)
    strengths = estimate_strengths(trials)
    assert strengths is not None
    found = find_residuals(trials, strengths, PAIRS)
    assert all(one.p_holm is not None and one.p_holm < 0.01 for one in found)
    assert [one.residual > 0 for one in found] == [True, False, True]


def test_answers_without_a_circle_raise_few_alarms() -> None:
    alarms = 0
    for seed in range(40):
        trials = draw_rankings(
            np.random.default_rng(seed), (0, 0.3, 0.6), people=12, images=20, trials=20
        )
        strengths = estimate_strengths(trials)
        assert strengths is not None
        found = find_residuals(trials, strengths, PAIRS)
        alarms += any(one.p_holm is not None and one.p_holm < 0.05 for one in found)
    assert alarms <= 3


def test_two_methods_cannot_contradict_one_order() -> None:
    trials = draw_rankings(np.random.default_rng(1), (0, 0.5), people=8, images=9, trials=9)
    strengths = estimate_strengths(trials)
    assert strengths is not None
    (one,) = find_residuals(trials, strengths, [(0, 1)])
    assert one.residual == pytest.approx(0, abs=1e-9)
    assert one.p is None
