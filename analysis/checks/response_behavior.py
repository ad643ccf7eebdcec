"""Response behavior: side bias, response times, and change from the first to the second half."""

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
from analysis.trials import AnyTrials, Factor, IntArray, Trials, count_clusters

RT_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FIRST_HALF, SECOND_HALF = "first half", "second half"


@dataclass(frozen=True)
class SideBias:
    """The share of answers that chose the left side; values that cannot be estimated are None.

    se, ci95, df: for new participants. t, p: test against 0.5. flags: `no_trials`,
    `one_participant`, `rate_at_bound` (ci95 as if each participant had answered once; no test).
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
class SideBalance:
    """The share of correct answers on the left, with an exact binomial test against 0.5."""

    left: int
    trials: int
    rate: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class ResponseTimes:
    """Quantiles of a method's response times in ms, fooled or not fooled; None without times."""

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
    """Fooling rates in the first and second half of all participants' trials.

    difference: second − first.
    """

    first: Rate
    second: Rate
    difference: Difference | None = None


def estimate_side_bias(
    left: NDArray[np.bool_], participant: Factor, weight: IntArray | None = None
) -> SideBias:
    """Estimate the side bias of n answers.

    left (n,): whether the answer was the left side; participant (n,): the participants' codes.
    weight (n,): how many answers each stands for; None: one.
    """
    n, n_left = _count(left, weight)
    if n == 0:
        return SideBias(0, 0, 0, flags=("no_trials",))
    n_participants, rate = count_clusters(participant), n_left / n
    is_raised_by_flag = {"one_participant": n_participants == 1, "rate_at_bound": n_left in (0, n)}
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    partial = SideBias(n_left, n, n_participants, rate, flags=flags)
    if n_participants == 1:
        return partial
    if "rate_at_bound" in flags:
        return replace(partial, ci95=clopper_pearson_interval(rate, n_participants))
    binomial = rate * (1 - rate) / n
    variance = max(clustered_variance((left - rate) / n, participant), binomial)
    test = t_test(rate - CHANCE, sqrt(variance), n_participants - 1)
    return replace(
        partial,
        se=sqrt(variance),
        ci95=wilson_interval(rate, n * binomial / variance, t_quantile(n_participants - 1)),
        t=test.t,
        df=test.df,
        p=test.p,
    )


def binomial_side_test(
    correct_left: NDArray[np.bool_], weight: IntArray | None = None
) -> SideBalance:
    """Test whether the correct answer was left as often as right.

    correct_left (n,): whether the correct answer was left. weight (n,): as above.
    """
    n, left = _count(correct_left, weight)
    if n == 0:
        return SideBalance(0, 0)
    return SideBalance(
        left, n, left / n, min(1.0, 2 * float(special.bdtr(min(left, n - left), n, 0.5)))
    )


def _count(chosen: NDArray[np.bool_], weight: IntArray | None) -> tuple[int, int]:
    """Return the number of all answers, and of the chosen (n,) ones."""
    if weight is None:
        return len(chosen), int(chosen.sum())
    return int(weight.sum()), int(weight[chosen].sum())


def summarize_response_times(
    trials: Trials, rt_ms: NDArray[np.float64], methods: Sequence[str]
) -> list[ResponseTimes]:
    """Summarize the response times of each method, fooled and not fooled.

    rt_ms (n,): response times in ms, NaN if unknown.
    """
    timed = ~np.isnan(rt_ms)
    summaries = []
    for method in methods:
        of_method = timed & (trials.method == method)
        for fooled in (True, False):
            times = rt_ms[of_method & (trials.fooled == fooled)]
            quantiles = np.quantile(times, RT_QUANTILES).tolist() if len(times) else []
            summaries.append(ResponseTimes(method, fooled, len(times), *quantiles))
    return summaries


def estimate_order_effect(trials: Trials) -> OrderEffect:
    """Compare the fooling rates of the first and the second half of each participant's trials.

    trials: sorted by participant, then by position. The middle one of an odd number of trials
    belongs to the first half.
    """
    sizes = np.bincount(trials.participant)
    first_rows = np.cumsum(sizes) - sizes
    position = np.arange(len(trials.fooled)) - first_rows[trials.participant]
    is_second_half = 2 * position >= sizes[trials.participant] + sizes[trials.participant] % 2
    return compare_halves(trials.select(~is_second_half), trials.select(is_second_half))


def compare_halves(first: AnyTrials, second: AnyTrials) -> OrderEffect:
    """Compare the fooling rates of the first and the second halves."""
    parts = {FIRST_HALF: first, SECOND_HALF: second}
    halves = {half: estimate_rate(part) for half, part in parts.items()}
    difference = None
    if all(half.trials for half in halves.values()):
        difference = compare_trial_sets(
            parts[SECOND_HALF], parts[FIRST_HALF], halves, SECOND_HALF, FIRST_HALF
        )
    return OrderEffect(halves[FIRST_HALF], halves[SECOND_HALF], difference)
