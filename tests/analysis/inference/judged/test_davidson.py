"""Tests of Davidson's model against the likelihood, maximized by scipy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from analysis.inference.estimates import describe_estimates
from analysis.inference.judged.davidson import fit_davidson
from analysis.inference.strengths import RankedTrials, estimate_strengths
from analysis.trials import FloatArray
from tests.analysis.inference.task_data import read_rankings


def minus_log_likelihood(parameters: FloatArray, trials: RankedTrials) -> float:
    """Return minus the log likelihood of strengths and log nu, written as in Davidson (1970)."""
    pi, nu = np.exp(parameters[:-1]), np.exp(parameters[-1])
    first, second = pi[trials.candidate[:, 0]], pi[trials.candidate[:, 1]]
    tie = nu * np.sqrt(first * second)
    tied = trials.rank[:, 0] == trials.rank[:, 1]
    won = np.where(trials.rank[:, 0] < trials.rank[:, 1], first, second)
    return -float(np.log(np.where(tied, tie, won) / (first + second + tie)).sum())


def test_the_parameters_have_the_greatest_likelihood() -> None:
    trials = read_rankings("pairs")
    found = optimize.minimize(
        minus_log_likelihood, np.zeros(5), args=(trials,), method="BFGS", options={"gtol": 1e-8}
    ).x
    model = fit_davidson(trials)
    assert model is not None
    expected = found[:-1] - found[:-1].mean()
    assert model.strengths.values == pytest.approx(expected, abs=1e-6)
    assert float(model.log_nu.values[0]) == pytest.approx(found[-1], abs=1e-6)


def test_influences_sum_to_zero_and_give_intervals() -> None:
    model = fit_davidson(read_rankings("pairs"))
    assert model is not None
    assert model.strengths.influence.sum(axis=0) == pytest.approx(0, abs=1e-9)
    assert model.strengths.influence.sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert describe_estimates(model.log_nu)["log_nu"].se is not None


def test_the_scale_is_wider_than_with_half_wins() -> None:
    trials = read_rankings("pairs")
    model, half = fit_davidson(trials), estimate_strengths(trials)
    assert model is not None
    assert half is not None
    assert np.ptp(model.strengths.values) > np.ptp(half.values)


def test_without_ties_or_without_wins_there_is_no_model() -> None:
    trials = read_rankings("pairs")
    tied = trials.rank[:, 0] == trials.rank[:, 1]
    assert fit_davidson(replace(trials, rank=np.ones_like(trials.rank))) is None
    untied = [
        getattr(trials, name)[~tied] for name in ("candidate", "rank", "participant", "image")
    ]
    assert fit_davidson(RankedTrials(trials.methods, *untied)) is None


def test_more_than_two_candidates_are_refused() -> None:
    with pytest.raises(ValueError, match="two candidates"):
        fit_davidson(read_rankings("rankings"))
