"""Rates against each other, against chance, and against published ones.

Differences: two-way clustered on stacked influence values (Cameron, Gelbach & Miller 2011), paired
wherever people or images are shared. Many tests: Holm 1979. Equivalence: Schuirmann 1987.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.inference.clusters import Influence, clustered_variance, multiway_variance
from analysis.inference.intervals import (
    Interval,
    newcombe_interval,
    one_sided_p,
    t_quantile,
    two_sided_p,
)
from analysis.inference.rates import Rate, estimate_rate
from analysis.trials import Codes, Trials

CHANCE = 0.5  # the rate of fakes as convincing as photographs
MIN_VARIANCE = 1e-15  # a variance below this is not in the data


@dataclass(frozen=True)
class TTest:
    """A two-sided t test; None where the data allow none."""

    t: float | None = None
    df: int | None = None
    p: float | None = None


@dataclass(frozen=True)
class Difference:
    """rate(a) - rate(b), for new people and new images; None where the data cannot tell.

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
    """Whether a difference lies within the margin either way: p below 0.05, ci90 inside of it.

    None where the difference has no standard error.
    """

    margin: float
    p: float | None = None
    ci90: Interval | None = None


def t_test(difference: float, se: float, df: int) -> TTest:
    """Whether a difference is more than its standard error explains."""
    t = difference / se
    return TTest(t, df, two_sided_p(t, df))


def compare_with_chance(rate: Rate) -> TTest:
    """Against 0.5. At a rate of 0 or 1: the exact binomial test on n_eff trials, without t."""
    if rate.rate is None or rate.n_eff is None or rate.df is None:
        return TTest()
    if rate.se is None:
        return TTest(p=min(1.0, 2 * CHANCE**rate.n_eff))
    return t_test(rate.rate - CHANCE, rate.se, rate.df)


def compare_with_published(rate: Rate, published: float, se: float | None) -> TTest:
    """Against a rate measured elsewhere with a standard error of its own; without one, no test."""
    if rate.rate is None or rate.se is None or rate.df is None or se is None:
        return TTest()
    return t_test(rate.rate - published, sqrt(rate.se**2 + se**2), rate.df)


def compare_all_methods(trials: Trials, rates: Mapping[str, Rate]) -> list[Difference]:
    """The difference of every two methods that have trials, in alphabetical order."""
    methods_with_trials = sorted(method for method, rate in rates.items() if rate.trials)
    return [
        compare_two_methods(trials, rates, a, b) for a, b in combinations(methods_with_trials, 2)
    ]


def compare_two_methods(trials: Trials, rates: Mapping[str, Rate], a: str, b: str) -> Difference:
    """One difference. Both methods need trials; `rates` are those of the same trials."""
    return compare_trial_sets(trials.for_method(a), trials.for_method(b), rates, a, b)


def compare_trial_sets(
    part_a: Trials, part_b: Trials, rates: Mapping[str, Rate], a: str, b: str
) -> Difference:
    """Of the trials of one part against another's; a, b: what to call the two, as in `rates`."""
    ci_a, ci_b = rates[a], rates[b]
    rate_a, rate_b = ci_a.fooled / ci_a.trials, ci_b.fooled / ci_b.trials
    pairs = list(zip(part_a.factors, part_b.factors, strict=True))
    dfs = [_factor_df(*pair) for pair in pairs]
    is_raised_by_flag = {
        "one_participant": dfs[0] is None,
        "one_image": None in dfs[1:],
        "rate_at_bound": "rate_at_bound" in ci_a.flags + ci_b.flags,
    }
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    partial = Difference(a, b, rate_a - rate_b, flags=flags)
    if "rate_at_bound" in flags:
        return _with_newcombe_interval(partial, ci_a, ci_b)
    factors = [np.append(*pair) for pair, df in zip(pairs, dfs, strict=True) if df is not None]
    if not factors:
        return partial
    influence = np.append(
        (part_a.fooled - rate_a) / ci_a.trials, (rate_b - part_b.fooled) / ci_b.trials
    )
    return _with_clustered_interval(
        partial, influence, factors, min(df for df in dfs if df is not None)
    )


def equivalence_test(difference: Difference, margin: float) -> Equivalence:
    """Two one-sided tests. margin: above 0, stated before the data."""
    if difference.se is None or difference.df is None:
        return Equivalence(margin)
    t = (margin - abs(difference.difference)) / difference.se
    half = t_quantile(difference.df, 0.95) * difference.se
    interval = difference.difference - half, difference.difference + half
    return Equivalence(margin, one_sided_p(t, difference.df), interval)


def _with_clustered_interval(
    partial: Difference, influence: Influence, factors: Sequence[Codes], df: int
) -> Difference:
    variance = multiway_variance(influence, factors)
    if variance <= 0:  # the cells outweigh the factors, in small data
        variance = max(clustered_variance(influence, codes) for codes in factors)
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
    """A rate of 0 or 1 hides its variance: an interval from the two rates' own, and no test."""
    if a.rate is None or b.rate is None or a.ci95 is None or b.ci95 is None:
        return partial
    return replace(partial, ci95=newcombe_interval(a.rate, a.ci95, b.rate, b.ci95))


def _factor_df(codes_a: Codes, codes_b: Codes) -> int | None:
    """Degrees of freedom of one factor: clusters less one, or less two where none is shared.

    None where a method has a single cluster: its spread cannot be seen.
    """
    size = max(int(codes_a.max()), int(codes_b.max())) + 1
    seen_a, seen_b = (np.bincount(codes, minlength=size) > 0 for codes in (codes_a, codes_b))
    if min(seen_a.sum(), seen_b.sum()) < 2:
        return None
    return int((seen_a | seen_b).sum()) - (1 if (seen_a & seen_b).any() else 2)


def adjust_holm(p: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values in the same order; None (no test) stays None and counts for nothing."""
    sorted_p = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    highest = 0.0
    for rank, (value, index) in enumerate(sorted_p):
        highest = max(highest, min(1.0, (len(sorted_p) - rank) * value))
        adjusted[index] = highest
    return adjusted


MAX_GROUPS = 20  # more folders than this are no kinds of images


OTHER_GROUPS = "the others"


@dataclass(frozen=True)
class Subgroup:
    """One method's rate on one folder's images, and how it differs from that on all the others.

    difference: None where only one folder has trials. p_holm: over all methods and groups.
    """

    group: str
    method: str
    rate: Rate
    difference: Difference | None = None
    p_holm: float | None = None


def compare_subgroups(
    trials: Trials, methods: Sequence[str], names: Sequence[str]
) -> list[Subgroup]:
    """Of each method with trials. names: of the images, by code; what precedes the last `/` groups.

    Empty where the images stand in one folder, or in more than 20.
    """
    groups, of_image = np.unique([name.rpartition("/")[0] for name in names], return_inverse=True)
    if not 1 < len(groups) <= MAX_GROUPS:
        return []
    subgroups = []
    for method in methods:
        part = trials.for_method(method)
        of_trial = of_image[part.image]
        for code in np.unique(of_trial).tolist():
            subgroups.append(_compare_group(part, of_trial == code, str(groups[code]), method))
    adjusted = adjust_holm([one.difference.p if one.difference else None for one in subgroups])
    return [replace(one, p_holm=p) for one, p in zip(subgroups, adjusted, strict=True)]


def _compare_group(part: Trials, inside: NDArray[np.bool_], group: str, method: str) -> Subgroup:
    here, elsewhere = part.select(inside), part.select(~inside)
    rates = {group: estimate_rate(here), OTHER_GROUPS: estimate_rate(elsewhere)}
    if inside.all():
        return Subgroup(group, method, rates[group])
    change = compare_trial_sets(here, elsewhere, rates, group, OTHER_GROUPS)
    return Subgroup(group, method, rates[group], change)
