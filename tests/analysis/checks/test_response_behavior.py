"""Side bias, response times and order effects, against reference values and edge cases."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from analysis.checks.response_behavior import (
    ResponseTimes,
    SideBalance,
    binomial_side_test,
    estimate_order_effect,
    estimate_side_bias,
    summarize_response_times,
)
from analysis.inference.contrasts import compare_all_methods
from analysis.inference.rates import estimate_rates
from tests.analysis.studies import make_trials, read_crossed, read_crossed_rows, read_expected


def test_side_bias_is_clustered_by_participant() -> None:
    """4 people of 5 answers, 5, 3, 3 and 1 to the left: deviations 2, 0, 0 and -2 of 20."""
    left = np.array([True] * 5 + ([True] * 3 + [False] * 2) * 2 + [True] + [False] * 4)
    found = estimate_side_bias(left, np.repeat(np.arange(4), 5))
    assert (found.left, found.rate, found.df) == (12, 0.6, 3)
    assert found.se == pytest.approx(sqrt(4 / 3 * 8) / 20)
    assert found.t == pytest.approx(0.1 / (sqrt(4 / 3 * 8) / 20))
    assert found.ci95 is not None
    assert found.ci95[0] < 0.5 < found.ci95[1]


def test_side_bias_agrees_with_the_reference_file() -> None:
    left = np.array([row["answer"] == "left" for row in read_crossed_rows()])
    expected = read_expected("crossed")["detection"]["said_left"]
    assert estimate_side_bias(left, read_crossed().participant).rate == pytest.approx(expected)


def test_the_standard_error_is_at_least_binomial() -> None:
    found = estimate_side_bias(np.tile([True, False], 50), np.repeat(np.arange(10), 10))
    assert found.se == pytest.approx(sqrt(0.25 / 100))
    assert found.p == pytest.approx(1)


def test_always_left_counts_each_participant_once_and_is_flagged() -> None:
    found = estimate_side_bias(np.full(20, True), np.repeat(np.arange(4), 5))
    assert found.ci95 == pytest.approx((0.025**0.25, 1))  # exact, 4 of 4
    assert (found.p, found.flags) == (None, ("rate_at_bound",))


def test_the_side_bias_of_one_person_has_no_interval() -> None:
    found = estimate_side_bias(np.array([True, True, False]), np.zeros(3, dtype=np.int64))
    assert (found.rate, found.ci95, found.flags) == (2 / 3, None, ("one_participant",))
    nothing = estimate_side_bias(np.array([], dtype=np.bool_), np.array([], dtype=np.int64))
    assert (nothing.rate, nothing.flags) == (None, ("no_trials",))


def test_the_side_of_the_correct_answer_is_tested_exactly() -> None:
    """R: binom.test(8, 10)$p.value; the reference set has its real image left in 770 of 1,600."""
    found = binomial_side_test(np.arange(10) < 8)
    assert (found.left, found.trials, found.rate) == (8, 10, 0.8)
    assert found.p == pytest.approx(0.109375)
    assert binomial_side_test(np.arange(10) < 5).p == 1
    assert binomial_side_test(np.arange(1600) < 770).p == pytest.approx(0.1403, abs=5e-4)
    assert binomial_side_test(np.array([], dtype=np.bool_)) == SideBalance(0, 0)


def test_response_times_are_summarized_by_method_and_outcome() -> None:
    answers = [
        (0, i, method, fooled)
        for i, (method, fooled) in enumerate(
            [("a", True), ("a", True), ("a", True), ("a", False), ("b", False)]
        )
    ]
    times = np.array([900.0, 700.0, 800.0, np.nan, 500.0])
    slow, none, _, fast = summarize_response_times(make_trials(*answers), times, ["a", "b"])
    assert (slow.method, slow.fooled, slow.trials) == ("a", True, 3)
    assert (slow.q25_ms, slow.median_ms, slow.q75_ms) == (750, 800, 850)
    assert none == ResponseTimes("a", False, 0)
    assert (fast.method, fast.fooled, fast.median_ms) == ("b", False, 500)


def test_the_order_effect_is_the_difference_between_halves() -> None:
    """3 trials of the first person: two early, one late; 2 of the second: one each."""
    trials = make_trials(
        *[(0, 0, "m", True), (0, 1, "m", False), (0, 2, "m", True)],
        *[(1, 0, "m", False), (1, 1, "m", True)],
    )
    found = estimate_order_effect(trials)
    assert (found.first.fooled, found.first.trials) == (1, 3)
    assert (found.second.fooled, found.second.trials) == (2, 2)
    assert found.difference is not None
    assert found.difference.difference == pytest.approx(2 / 3)
    assert found.difference.flags == ("rate_at_bound",)


def test_the_order_effect_is_clustered_like_a_difference_of_methods() -> None:
    crossed = read_crossed()  # 40 trials of everybody, person after person
    early = np.arange(1600) % 40 < 20
    halves = replace(crossed, method=np.where(early, "z-first", "a-second"))
    expected = compare_all_methods(halves, estimate_rates(halves, ("a-second", "z-first")))[0]
    found = estimate_order_effect(crossed).difference
    assert found is not None
    assert (found.difference, found.se, found.p) == pytest.approx(
        (expected.difference, expected.se, expected.p), rel=1e-12
    )


def test_learning_is_detected() -> None:
    rng = np.random.default_rng(0)
    place = np.arange(4000) % 40
    fooled = rng.random(4000) < np.where(place < 20, 0.4, 0.3)
    answers = zip(np.arange(4000) // 40, rng.integers(0, 200, 4000), fooled, strict=True)
    found = estimate_order_effect(
        make_trials(*((int(p), int(i), "m", bool(y)) for p, i, y in answers))
    )
    assert found.difference is not None
    assert found.difference.ci95 is not None
    assert found.difference.ci95[0] < -0.1 < found.difference.ci95[1] < 0


def test_one_trial_per_participant_has_no_second_half() -> None:
    found = estimate_order_effect(make_trials((0, 0, "m", True), (1, 1, "m", False)))
    assert (found.difference, found.second.flags) == (None, ("no_trials",))
