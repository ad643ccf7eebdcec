"""Fooling rates, with intervals for new people and new images.

Wilson's interval on the two-way clustered effective number of trials, t quantile
(Wilson 1927; Cameron, Gelbach & Miller 2011). Proportions in [0, 1]; 0.5 is chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt

from analysis.inference.clusters import clustered_variance, multiway_variance
from analysis.inference.intervals import (
    Interval,
    clopper_pearson_interval,
    t_quantile,
    wilson_interval,
)
from analysis.results import Result
from analysis.trials import AnyTrials

MIN_CLUSTERS = 10  # fewer people, or images, than this and the report says so

# Shares of variance of a typical study, taken where a rate of 0 or 1 leaves no variance to see.
TYPICAL_ICC_PARTICIPANT = 0.04
TYPICAL_ICC_IMAGE = 0.10


@dataclass(frozen=True)
class Rate(Result):
    """A fooling rate with its interval; None for what cannot be estimated.

    se, ci95, df: for new people and new images. deff: the variance in multiples of the binomial
    one; n_eff = trials / deff. flags: `no_trials`, `one_participant`, `one_image`,
    `few_participants`, `few_images`, `rate_at_bound`.
    """

    fooled: int
    trials: int
    participants: int
    images: int
    rate: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    ci95_these_images: Interval | None = None
    ci95_naive_wilson: Interval | None = None
    deff: float | None = None
    n_eff: float | None = None
    df: int | None = None
    flags: tuple[str, ...] = ()


def estimate_rate(trials: AnyTrials, deff_at_bound: float | None = None) -> Rate:
    """Estimate the rate of one method's trials.

    deff_at_bound: the design effect for a rate of 0 or 1; None: that of a typical study.
    With one participant (or one image) the interval speaks of new images (new people) only, and
    is flagged; with one of both there is none.
    """
    n = trials.size
    if n == 0:
        return Rate(0, 0, 0, 0, flags=("no_trials",))
    fooled = trials.fooled_count
    participants, images, *_ = trials.factor_levels
    rate, at_bound = fooled / n, fooled in (0, n)
    partial = Rate(
        fooled=fooled,
        trials=n,
        participants=participants,
        images=images,
        rate=rate,
        ci95_naive_wilson=wilson_interval(rate, n, t_quantile(inf)),
        flags=_rate_flags(participants, images, at_bound),
    )
    if participants == images == 1:
        return partial
    if at_bound:
        return _with_exact_interval(
            partial, rate, deff_at_bound or typical_deff(n, participants, images)
        )
    return _with_clustered_interval(partial, rate, trials)


def estimate_rates(trials: AnyTrials, methods: Sequence[str]) -> dict[str, Rate]:
    """Estimate each method's rate; a rate of 0 or 1 takes the other methods' pooled deff."""
    parts = {method: trials.for_method(method) for method in methods}
    rates = {method: estimate_rate(part) for method, part in parts.items()}
    deff = _pooled_deff(rates.values())
    return {
        method: estimate_rate(parts[method], deff) if "rate_at_bound" in rate.flags else rate
        for method, rate in rates.items()
    }


def _with_clustered_interval(partial: Rate, rate: float, trials: AnyTrials) -> Rate:
    participants = partial.participants
    influence = (trials.fooled - rate) / partial.trials
    binomial_variance = rate * (1 - rate) / partial.trials  # the least that a variance may be
    factors, df = trials.estimable_factors()
    deff = max(multiway_variance(influence, factors) / binomial_variance, 1.0)
    ci_these_images = None
    if participants > 1:
        of_people = max(clustered_variance(influence, trials.participant) / binomial_variance, 1.0)
        ci_these_images = wilson_interval(
            rate, partial.trials / of_people, t_quantile(participants - 1)
        )
    return replace(
        partial,
        se=sqrt(deff * binomial_variance),
        ci95=wilson_interval(rate, partial.trials / deff, t_quantile(df)),
        ci95_these_images=ci_these_images,
        deff=deff,
        n_eff=partial.trials / deff,
        df=df,
    )


def _with_exact_interval(partial: Rate, rate: float, deff: float) -> Rate:
    """Add the exact binomial interval on n / deff trials, for a rate of 0 or 1."""
    interval = clopper_pearson_interval(rate, partial.trials / deff)
    return replace(
        partial,
        ci95=interval,
        ci95_these_images=interval if partial.participants > 1 else None,
        deff=deff,
        n_eff=partial.trials / deff,
        df=_degrees_of_freedom(partial.participants, partial.images),
    )


def _degrees_of_freedom(participants: int, images: int) -> int:
    """Return the smaller number of levels minus 1, ignoring a factor with one level."""
    return min(levels for levels in (participants, images) if levels > 1) - 1


def typical_deff(n: int, participants: int, images: int) -> float:
    """Return the design effect of n trials in a typical study."""
    return (
        1 + (n / participants - 1) * TYPICAL_ICC_PARTICIPANT + (n / images - 1) * TYPICAL_ICC_IMAGE
    )


def _pooled_deff(rates: Iterable[Rate]) -> float | None:
    """Return the mean design effect, weighted by trials, of the rates that have a variance."""
    deffs_and_trials = [(rate.deff, rate.trials) for rate in rates if rate.se and rate.deff]
    trials = sum(weight for _, weight in deffs_and_trials)
    return (
        sum(deff * weight for deff, weight in deffs_and_trials) / trials
        if deffs_and_trials
        else None
    )


def _rate_flags(participants: int, images: int, at_bound: bool) -> tuple[str, ...]:
    is_raised_by_flag = {
        "one_participant": participants == 1,
        "one_image": images == 1,
        "few_participants": 1 < participants < MIN_CLUSTERS,
        "few_images": 1 < images < MIN_CLUSTERS,
        "rate_at_bound": at_bound,
    }
    return tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
