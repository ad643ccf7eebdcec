"""Tests of exposure curves and thresholds against psignifit and simulated people."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from analysis.inference.estimates import compare_estimates
from analysis.inference.exposure_curves import (
    ExposureCurve,
    Threshold,
    TimedTrials,
    find_shape_free_threshold,
    find_threshold,
    fit_exposure_curve,
    join_log_thresholds,
    share_correct,
)
from tests.analysis.inference.task_data import read_expected, read_table

EXPOSURES_MS = [100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0]


@pytest.fixture
def trials() -> TimedTrials:
    participant, image, exposure, correct = read_table("exposures").T
    return TimedTrials(correct == 1, exposure.astype(np.float64), participant, image)


def fit(trials: TimedTrials) -> ExposureCurve:
    curve = fit_exposure_curve(trials)
    assert curve is not None
    return curve


def simulate(rng: np.random.Generator, people: int, images: int, center_ms: float) -> TimedTrials:
    """Simulate people who see a run of all six exposures five times."""
    participant = np.repeat(np.arange(people), 30)
    image = np.concatenate([rng.permutation(images)[:30] for _ in range(people)])
    exposure = np.concatenate([rng.permutation(EXPOSURES_MS) for _ in range(5 * people)])
    log_odds = (
        1.2 * np.log2(exposure / center_ms)
        + rng.normal(0, 0.65, people)[participant]
        + rng.normal(0, 0.65, images)[image]
    )
    correct = rng.random(len(exposure)) < 0.5 + 0.48 * expit(log_odds)
    return TimedTrials(correct, exposure, participant, image)


def covers(threshold: Threshold, true_ms: float) -> bool:
    if threshold.ci95 is None:
        return False
    low, high = threshold.ci95
    return (low or 0) <= true_ms <= (high or np.inf)


def test_the_threshold_is_that_of_psignifit(trials: TimedTrials) -> None:
    threshold = find_threshold(fit(trials), EXPOSURES_MS)
    assert threshold.ms == pytest.approx(read_expected("exposures")["threshold_ms"], rel=1e-4)
    assert threshold.ms is not None
    assert threshold.ci95 is not None
    low, high = threshold.ci95
    assert low is not None
    assert high is not None
    assert low < threshold.ms < high


def test_the_curve_passes_75_percent_at_its_threshold(trials: TimedTrials) -> None:
    curve = fit(trials)
    threshold = find_threshold(curve, EXPOSURES_MS).ms
    assert threshold is not None
    share = share_correct(np.array([threshold]), curve.intercept, curve.slope, curve.lapse)
    assert share == pytest.approx([0.75])


def test_the_shape_free_threshold_is_near_the_curve(trials: TimedTrials) -> None:
    free, fitted = find_shape_free_threshold(trials), find_threshold(fit(trials), EXPOSURES_MS)
    assert free.ms is not None
    assert fitted.ms is not None
    assert abs(np.log2(free.ms / fitted.ms)) < 0.5
    assert covers(free, fitted.ms)


def test_answers_that_do_not_rise_have_no_threshold(trials: TimedTrials) -> None:
    guessed = replace(trials, correct=np.arange(len(trials.correct)) % 2 == 0)
    threshold = find_threshold(fit_exposure_curve(guessed), EXPOSURES_MS)
    assert (threshold.ms, "no_rise" in threshold.flags) == (None, True)
    assert find_shape_free_threshold(guessed).ms is None


def test_answers_that_turn_from_guesses_to_certainty_fit_no_curve(trials: TimedTrials) -> None:
    guesses = np.arange(len(trials.correct)) % 2 == 0
    step = replace(trials, correct=guesses | (trials.exposure_ms >= 500))
    assert find_threshold(fit_exposure_curve(step), EXPOSURES_MS).flags == ("no_curve",)
    free = find_shape_free_threshold(step).ms
    assert free is not None
    assert max(ms for ms in EXPOSURES_MS if ms < 500) < free < 500


def test_ends_outside_the_exposures_are_open() -> None:
    trials = simulate(np.random.default_rng(2), 12, 60, center_ms=120)
    threshold = find_threshold(fit(trials), EXPOSURES_MS)
    assert threshold.ci95 is not None
    assert threshold.ci95[0] is None


def test_a_ratio_of_thresholds_is_a_difference_of_their_logarithms(trials: TimedTrials) -> None:
    slower = replace(trials, exposure_ms=2 * trials.exposure_ms)
    joined = join_log_thresholds({"fast": fit(trials), "slow": fit(slower)})
    (difference,) = compare_estimates(joined)
    assert difference.difference == pytest.approx(-1)
    assert difference.p is None or difference.p < 0.05  # the same answers: no variation is left


@pytest.mark.slow(2)
def test_intervals_hold_the_true_threshold_in_95_percent_of_studies() -> None:
    rng, studies = np.random.default_rng(8), 300
    true_ms = 500 * 2 ** (np.log(0.25 / 0.23) / 1.2) * 1.02  # people and images flatten the curve
    fitted = free = 0
    for _ in range(studies):
        trials = simulate(rng, 30, 60, center_ms=500)
        fitted += covers(find_threshold(fit(trials), EXPOSURES_MS), true_ms)
        free += covers(find_shape_free_threshold(trials), true_ms)
    assert fitted / studies > 0.92
    assert free / studies > 0.92
