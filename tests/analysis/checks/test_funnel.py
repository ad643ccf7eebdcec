"""The funnel limits for participants' own rates."""

import numpy as np
import pytest
from scipy import stats

from analysis.checks.funnel import build_funnel, funnel_limits
from tests.analysis.studies import make_trials, read_crossed, simulate_study


@pytest.mark.parametrize("trials", [1, 13, 40, 100])
@pytest.mark.parametrize("center", [0.05, 0.226, 0.5])
@pytest.mark.parametrize("sd", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("level", [0.95, 0.998])
def test_the_limits_are_exact_quantiles(
    trials: int, center: float, sd: float, level: float
) -> None:
    tails = [(1 - level) / 2, (1 + level) / 2]
    if sd:
        size = center * (1 - center) / sd**2 - 1
        counts = stats.betabinom.ppf(tails, trials, center * size, (1 - center) * size)
    else:
        counts = stats.binom.ppf(tails, trials, center)
    low, high = funnel_limits(np.array([trials]), center, sd, level)
    expected = np.asarray(counts) / trials
    assert (low[0], high[0]) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("center", [0.0, 1.0])
def test_the_limits_collapse_at_a_rate_of_0_or_1(center: float) -> None:
    low, high = funnel_limits(np.array([1, 40]), center, 0.1, 0.95)
    assert low.tolist() == high.tolist() == [center, center]


def test_an_impossibly_large_sd_allows_every_rate() -> None:
    low, high = funnel_limits(np.array([40]), 0.3, 0.9, 0.95)
    assert (low.tolist(), high.tolist()) == ([0], [1])


def test_each_participant_has_a_rate_and_limits() -> None:
    trials = make_trials(
        *((4, image, "mcl", image < 9) for image in range(10)),
        *((2, image, "mcl", image < 3) for image in range(40)),
    )
    funnel = build_funnel(trials, 0.3, 0.0)
    assert funnel.participant.tolist() == [2, 4]
    assert funnel.trials.tolist() == [40, 10]
    assert funnel.rate.tolist() == [3 / 40, 9 / 10]
    assert funnel.is_beyond_limits.tolist() == [True, True]
    assert (funnel.high95 <= funnel.high998).all()
    assert build_funnel(trials, 0.3, 0.2).is_beyond_limits.tolist() == [False, False]


def test_the_reference_participants_lie_within_the_limits() -> None:
    mcl = read_crossed()
    funnel = build_funnel(mcl, float(mcl.fooled.mean()), 0.09)
    assert len(funnel.rate) == 40
    assert funnel.rate @ funnel.trials == pytest.approx(mcl.fooled.sum())
    assert not funnel.is_beyond_limits.any()


def test_limits_without_overdispersion_flag_too_many() -> None:
    trials = simulate_study(np.random.default_rng(0), (0.3,), people=2000, sd_image=0)
    sd = 0.1  # of the rates that a logit sd of 0.5 gives around 0.3
    outside = [
        ((funnel.rate < funnel.low95) | (funnel.rate > funnel.high95)).mean()
        for funnel in (build_funnel(trials, 0.3, spread) for spread in (sd, 0.0))
    ]
    assert outside[0] < 0.055 < 0.12 < outside[1]
