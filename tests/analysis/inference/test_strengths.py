"""Tests of Bradley-Terry and Plackett-Luce strengths against choix and statsmodels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import logsumexp

from analysis.inference.estimates import compare_estimates
from analysis.inference.strengths import (
    RankedTrials,
    estimate_strengths,
    find_unconnected_group,
)
from analysis.trials import FloatArray
from tests.analysis.inference.task_data import draw_rankings, read_expected, read_rankings


def fit(trials: RankedTrials) -> list[float]:
    strengths = estimate_strengths(trials)
    assert strengths is not None
    assert strengths.influence.sum(axis=0) == pytest.approx(0, abs=1e-9)
    return [float(value) for value in strengths.values]


def choose_best(trials: RankedTrials) -> RankedTrials:
    """Keep only which candidate was best."""
    return replace(trials, rank=np.where(trials.rank == 1, 1, 2))


def test_strengths_of_pairs_with_ties_are_those_of_statsmodels() -> None:
    expected = read_expected("pairs")
    assert fit(read_rankings("pairs")) == pytest.approx(expected["strengths"], abs=1e-9)


def test_strengths_of_pairs_without_ties_are_those_of_choix() -> None:
    trials = read_rankings("pairs")
    untied = trials.rank[:, 0] != trials.rank[:, 1]
    trials = replace(
        trials,
        candidate=trials.candidate[untied],
        rank=trials.rank[untied],
        participant=trials.participant[untied],
        image=trials.image[untied],
    )
    expected = read_expected("pairs")["strengths_without_ties"]
    assert fit(trials) == pytest.approx(expected, abs=1e-7)


def test_standard_errors_are_the_two_way_ones_of_statsmodels() -> None:
    strengths = estimate_strengths(read_rankings("pairs"))
    assert strengths is not None
    by_person, by_image, by_both = strengths.covariances
    two_way = by_person + by_image - by_both  # before it is held to that of either factor alone
    contrasts = np.array([[-1, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1]])
    se = np.sqrt(np.diag(contrasts @ two_way @ contrasts.T))
    expected = read_expected("pairs")["se_of_differences_from_method_0"]
    # the part of single trials is corrected by n / (n - 1) here and by (n - 1) / (n - k) there
    assert se == pytest.approx(expected, rel=3e-3)


def test_strengths_of_rankings_are_those_of_choix() -> None:
    trials, expected = read_rankings("rankings"), read_expected("rankings")
    assert fit(trials) == pytest.approx(expected["strengths"], abs=1e-9)
    best = expected["strengths_of_the_best_alone"]
    assert fit(choose_best(trials)) == pytest.approx(best, abs=1e-9)


def test_best_and_worst_of_three_say_as_much_as_a_ranking() -> None:
    trials = read_rankings("rankings")
    order = np.where(trials.rank == 2, 5, trials.rank * 10 // 3)  # the same order in other numbers
    assert fit(replace(trials, rank=np.where(order == 3, 1, order))) == pytest.approx(fit(trials))


def test_best_and_worst_of_four_have_the_strengths_of_greatest_likelihood() -> None:
    rng = np.random.default_rng(0)
    trials = draw_rankings(rng, (0, 0.5, 1, 1.5), people=20, images=20, trials=20, candidates=4)
    best_worst = replace(trials, rank=np.array([0, 1, 2, 2, 3])[trials.rank])
    order = np.take_along_axis(trials.candidate, np.argsort(trials.rank, axis=1), axis=1)

    def minus_log_likelihood(strengths: FloatArray) -> float:
        utility = strengths[order]
        best = utility[:, 0] - logsumexp(utility, axis=1)
        worst = -utility[:, -1] - logsumexp(-utility[:, 1:], axis=1)
        return -float((best + worst).sum())

    found = optimize.minimize(minus_log_likelihood, np.zeros(4)).x
    assert fit(best_worst) == pytest.approx((found - found.mean()).tolist(), abs=1e-4)


def test_a_tie_of_all_candidates_pulls_strengths_together() -> None:
    trials = read_rankings("rankings")
    tied = replace(
        trials,
        candidate=np.tile(trials.candidate, (2, 1)),
        rank=np.vstack([trials.rank, np.ones_like(trials.rank)]),
        participant=np.tile(trials.participant, 2),
        image=np.tile(trials.image, 2),
    )
    assert np.ptp(fit(tied)) < np.ptp(fit(trials))


def test_trials_may_show_different_numbers_of_candidates() -> None:
    pairs, triples = read_rankings("pairs"), read_rankings("rankings")
    fill = np.full((len(pairs.rank), 1), -1)
    both = replace(
        triples,
        candidate=np.vstack([np.hstack([pairs.candidate, fill]), triples.candidate]),
        rank=np.vstack([np.hstack([pairs.rank, fill + 1]), triples.rank]),
        participant=np.append(pairs.participant, triples.participant),
        image=np.append(pairs.image, triples.image),
    )
    low, high = np.minimum(fit(pairs), fit(triples)), np.maximum(fit(pairs), fit(triples))
    assert (low - 0.1 < fit(both)).all()
    assert (fit(both) < high + 0.1).all()


def test_a_method_that_never_wins_has_no_strength_and_is_named() -> None:
    trials = read_rankings("pairs")
    rank = trials.rank.copy()
    shows_d = (trials.candidate == 3).any(axis=1)
    rank[shows_d] = np.where(trials.candidate[shows_d] == 3, 2, 1)
    trials = replace(trials, rank=rank)
    assert estimate_strengths(trials) is None
    assert find_unconnected_group(trials) == ["d"]
    assert find_unconnected_group(read_rankings("pairs")) == []


def test_rankings_of_many_candidates_are_told_apart() -> None:
    candidates, rankings = 15, 200
    rng = np.random.default_rng(5)
    order = np.argsort(rng.gumbel(size=(rankings, candidates)) - 0.2 * np.arange(candidates))
    trials = RankedTrials(
        methods=[f"{code:02}" for code in range(candidates)],
        candidate=np.tile(np.arange(candidates), (rankings, 1)),
        rank=np.argsort(order) + 1,
        participant=np.arange(rankings),
        image=np.arange(rankings),
    )
    reverse = replace(trials, candidate=trials.candidate[:, ::-1], rank=trials.rank[:, ::-1])
    assert fit(trials) == pytest.approx(fit(reverse), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 4]))
def test_the_order_of_candidates_and_of_trials_does_not_matter(seed: int, candidates: int) -> None:
    rng = np.random.default_rng(seed)
    trials = draw_rankings(
        rng, (0, 0.3, 0.6, 0.9), people=8, images=12, trials=12, candidates=candidates
    )
    rows, slots = rng.permutation(len(trials.rank)), rng.permutation(candidates)
    shuffled = replace(
        trials,
        candidate=trials.candidate[rows][:, slots],
        rank=trials.rank[rows][:, slots],
        participant=trials.participant[rows],
        image=trials.image[rows],
    )
    one, other = estimate_strengths(trials), estimate_strengths(shuffled)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.values == pytest.approx(other.values, abs=1e-8)
        assert [d.se for d in compare_estimates(one)] == pytest.approx(
            [d.se for d in compare_estimates(other)]
        )
