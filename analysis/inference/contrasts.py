"""Compare rates with each other, with chance, and with published rates.

Differences: two-way clustered on stacked influence values (Cameron, Gelbach & Miller 2011), paired
wherever people or images are shared. The variance is at least that of each factor alone, and the
degrees of freedom are the fewest people or images of either rate minus 1, because the smaller side
decides how well the variance is known. Many tests: Holm 1979. Equivalence: Schuirmann 1987.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np

from analysis.inference.clusters import contrast_df, contrast_variance
from analysis.inference.intervals import (
    Interval,
    newcombe_interval,
    one_sided_p,
    t_quantile,
    two_sided_p,
)
from analysis.inference.rates import Rate
from analysis.results import Result
from analysis.trials import AnyTrials, Factor, join_trials

CHANCE = 0.5  # the rate of fakes as convincing as photographs
MIN_VARIANCE = 1e-15  # a variance below this is not in the data


@dataclass(frozen=True)
class TTest:
    """A two-sided t test; None if no test is possible."""

    t: float | None = None
    df: int | None = None
    p: float | None = None


@dataclass(frozen=True)
class Difference(Result):
    """rate(a) - rate(b), for new people and new images; None if it cannot be estimated.

    flags: `one_participant` and `one_image` (of either method: the interval leaves that factor
    out), `rate_at_bound` (Newcombe's interval, no test), `no_variation`.
    """

    a: str
    b: str
    difference: float
    se: float | None = None
    ci95: Interval | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equivalence:
    """A test of equivalence: p below 0.05 means that ci90 lies within ±margin.

    None if the difference has no standard error.
    """

    margin: float
    p: float | None = None
    ci90: Interval | None = None


def t_test(difference: float, se: float, df: int) -> TTest:
    """Test a difference against 0 by its standard error."""
    t = difference / se
    return TTest(t, df, two_sided_p(t, df))


def compare_with_chance(rate: Rate) -> TTest:
    """Test a rate against 0.5; a rate of 0 or 1 by the exact binomial test on n_eff trials."""
    if rate.rate is None or rate.n_eff is None or rate.df is None:
        return TTest()
    if rate.se is None:
        return TTest(p=min(1.0, 2 * CHANCE**rate.n_eff))
    return t_test(rate.rate - CHANCE, rate.se, rate.df)


def compare_with_published(rate: Rate, published: float, se: float | None) -> TTest:
    """Test a rate against one measured elsewhere; without a standard error there is no test."""
    if rate.rate is None or rate.se is None or rate.df is None or se is None:
        return TTest()
    return t_test(rate.rate - published, sqrt(rate.se**2 + se**2), rate.df)


def compare_all_methods(trials: AnyTrials, rates: Mapping[str, Rate]) -> list[Difference]:
    """Return the difference of every two methods with trials, in alphabetical order."""
    methods_with_trials = sorted(method for method, rate in rates.items() if rate.trials)
    return [
        compare_two_methods(trials, rates, a, b) for a, b in combinations(methods_with_trials, 2)
    ]


def compare_two_methods(trials: AnyTrials, rates: Mapping[str, Rate], a: str, b: str) -> Difference:
    """Return the difference of two methods. Both need trials; `rates` are of the same trials."""
    return compare_trial_sets(trials.for_method(a), trials.for_method(b), rates, a, b)


def compare_trial_sets(
    part_a: AnyTrials, part_b: AnyTrials, rates: Mapping[str, Rate], a: str, b: str
) -> Difference:
    """Return the difference between the fooling rates of two sets of trials, rate(a) - rate(b).

    a, b: the sets' names, which are also their keys in `rates`.
    """
    ci_a, ci_b = rates[a], rates[b]
    rate_a, rate_b = ci_a.fooled / ci_a.trials, ci_b.fooled / ci_b.trials
    all_factors: Sequence[Factor] = join_trials(part_a, part_b).factors
    is_a = np.arange(len(part_a.fooled) + len(part_b.fooled)) < len(part_a.fooled)
    dfs = [contrast_df(codes, is_a) for codes in all_factors]
    is_raised_by_flag = {
        "one_participant": dfs[0] is None,
        "one_image": None in dfs[1:],
        "rate_at_bound": "rate_at_bound" in ci_a.flags + ci_b.flags,
    }
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    partial = Difference(a, b, rate_a - rate_b, flags=flags)
    if "rate_at_bound" in flags:
        return _with_newcombe_interval(partial, ci_a, ci_b)
    factors: list[Factor] = [
        codes for codes, df in zip(all_factors, dfs, strict=True) if df is not None
    ]
    if not factors:
        return partial
    influence = np.append(
        (part_a.fooled - rate_a) / ci_a.trials, (rate_b - part_b.fooled) / ci_b.trials
    )
    variance = contrast_variance(influence, factors, is_a)
    return _with_clustered_interval(partial, variance, min(df for df in dfs if df is not None))


def equivalence_test(difference: Difference, margin: float) -> Equivalence:
    """Run two one-sided tests. margin: above 0, fixed before the data."""
    if difference.se is None or difference.df is None:
        return Equivalence(margin)
    t = (margin - abs(difference.difference)) / difference.se
    half = t_quantile(difference.df, 0.95) * difference.se
    interval = difference.difference - half, difference.difference + half
    return Equivalence(margin, one_sided_p(t, difference.df), interval)


def _with_clustered_interval(partial: Difference, variance: float, df: int) -> Difference:
    if variance < MIN_VARIANCE:
        return replace(partial, flags=(*partial.flags, "no_variation"))
    test = t_test(partial.difference, sqrt(variance), df)
    half = t_quantile(df) * sqrt(variance)
    return replace(
        partial,
        se=sqrt(variance),
        ci95=(partial.difference - half, partial.difference + half),
        t=test.t,
        df=df,
        p=test.p,
    )


def _with_newcombe_interval(partial: Difference, a: Rate, b: Rate) -> Difference:
    """Add Newcombe's interval, because a rate of 0 or 1 has no variance; there is no test."""
    if a.rate is None or b.rate is None or a.ci95 is None or b.ci95 is None:
        return partial
    return replace(partial, ci95=newcombe_interval(a.rate, a.ci95, b.rate, b.ci95))


def adjust_holm(p: Sequence[float | None]) -> list[float | None]:
    """Return Holm-adjusted p values in the same order; None (no test) stays None."""
    sorted_p = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    highest = 0.0
    for rank, (value, index) in enumerate(sorted_p):
        highest = max(highest, min(1.0, (len(sorted_p) - rank) * value))
        adjusted[index] = highest
    return adjusted
