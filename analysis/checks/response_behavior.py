"""How people went about the trials: which side they chose, how fast, and whether it changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.inference.clusters import clustered_variance
from analysis.inference.contrasts import CHANCE, Difference, compare_trial_sets, t_test
from analysis.inference.intervals import (
    Interval,
    clopper_pearson_interval,
    t_quantile,
    wilson_interval,
)
from analysis.inference.rates import Rate, estimate_rate
from analysis.trials import Codes, Trials, count_clusters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FIRST, SECOND = "first half", "second half"


@dataclass(frozen=True)
class SideBias:
    """Share of answers that chose left; None where the data cannot tell.

    se, ci95, df: for new people. t, p: against 0.5. flags: `no_trials`, `one_participant`,
    `rate_at_bound` (ci95 as if each person had answered once, no test).
    """

    left: int
    trials: int
    participants: int
    rate: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Balance:
    """How often left was the right answer, with the exact binomial test of a fair coin."""

    left: int
    trials: int
    rate: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class ResponseTimes:
    """Of the answers that fooled, or did not; quantiles in ms are None without a time."""

    method: str
    fooled: bool
    trials: int
    q05_ms: float | None = None
    q25_ms: float | None = None
    median_ms: float | None = None
    q75_ms: float | None = None
    q95_ms: float | None = None


@dataclass(frozen=True)
class OrderEffect:
    """Fooling rates of everybody's first and second half of trials; difference: second - first."""

    first: Rate
    second: Rate
    difference: Difference | None = None


def side_bias(left: NDArray[np.bool_], participant: Codes) -> SideBias:
    """left (n,): the answer was the left side; participant (n,): whose it was."""
    n, chosen = len(left), int(left.sum())
    if n == 0:
        return SideBias(0, 0, 0, flags=("no_trials",))
    people, rate = count_clusters(participant), chosen / n
    raised = {"one_participant": people == 1, "rate_at_bound": chosen in (0, n)}
    flags = tuple(flag for flag, is_raised in raised.items() if is_raised)
    counted = SideBias(chosen, n, people, rate, flags=flags)
    if people == 1:
        return counted
    if "rate_at_bound" in flags:
        return replace(counted, ci95=clopper_pearson_interval(rate, people))
    binomial = rate * (1 - rate) / n
    variance = max(clustered_variance((left - rate) / n, participant), binomial)
    test = t_test(rate - CHANCE, sqrt(variance), people - 1)
    return replace(
        counted,
        se=sqrt(variance),
        ci95=wilson_interval(rate, n * binomial / variance, t_quantile(people - 1)),
        t=test.t,
        df=test.df,
        p=test.p,
    )


def side_balance(correct_left: NDArray[np.bool_]) -> Balance:
    """correct_left (n,): the image asked for was on the left."""
    n, left = len(correct_left), int(correct_left.sum())
    if n == 0:
        return Balance(0, 0)
    return Balance(
        left, n, left / n, min(1.0, 2 * float(special.bdtr(min(left, n - left), n, 0.5)))
    )


def response_times(
    trials: Trials, rt_ms: NDArray[np.float64], methods: Sequence[str]
) -> list[ResponseTimes]:
    """Of each method, fooled and not. rt_ms (n,): nan where there is none."""
    timed = ~np.isnan(rt_ms)
    found = []
    for method in methods:
        of_method = timed & (trials.method == method)
        for fooled in (True, False):
            times = rt_ms[of_method & (trials.fooled == fooled)]
            quantiles = np.quantile(times, QUANTILES).tolist() if len(times) else []
            found.append(ResponseTimes(method, fooled, len(times), *quantiles))
    return found


def order_effect(trials: Trials) -> OrderEffect:
    """trials: sorted by participant, each one's in the order shown.

    Of an odd number the middle one is of the first half.
    """
    sizes = np.bincount(trials.participant)
    begins = np.cumsum(sizes) - sizes
    place = np.arange(len(trials.fooled)) - begins[trials.participant]
    late = 2 * place >= sizes[trials.participant] + sizes[trials.participant] % 2
    parts = {FIRST: trials.select(~late), SECOND: trials.select(late)}
    halves = {half: estimate_rate(part) for half, part in parts.items()}
    difference = None
    if all(half.trials for half in halves.values()):
        difference = compare_trial_sets(parts[SECOND], parts[FIRST], halves, SECOND, FIRST)
    return OrderEffect(halves[FIRST], halves[SECOND], difference)
