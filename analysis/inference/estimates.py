"""Estimates of several methods from the same trials, with intervals for new people and images.

The variance of an estimate comes from the influence of each trial (`joint_estimates`). It is at
least the variance by each factor alone, and Student's t takes the fewest clusters minus 1.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np

from analysis.inference.contrasts import MIN_VARIANCE, Difference, t_test
from analysis.inference.intervals import (
    Interval,
    clip_interval,
    clopper_pearson_interval,
    t_quantile,
    wilson_interval,
)
from analysis.inference.joint_estimates import JointEstimates
from analysis.inference.rates import MIN_CLUSTERS, typical_deff
from analysis.results import Result
from analysis.trials import FloatArray


@dataclass(frozen=True)
class Estimate(Result):
    """An estimate with its intervals; None for what cannot be estimated.

    se, ci95, df: for new people and new images; ci95_fixed_images: for new people and these images.
    flags: `no_trials`, `one_participant` and `one_image` (the interval leaves that factor out),
    `few_participants`, `few_images`, `no_variation`.
    """

    value: float | None
    se: float | None = None
    ci95: Interval | None = None
    ci95_fixed_images: Interval | None = None
    df: int | None = None
    participants: int = 0
    images: int = 0
    trials: int = 0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class EstimateDifference(Difference):
    """The difference of two estimates; ci95_fixed_images: for new people and these images."""

    ci95_fixed_images: Interval | None = None


def describe_estimates(
    estimates: JointEstimates, ends: Interval | None = None
) -> dict[str, Estimate]:
    """Return each estimate with its intervals, by name.

    ends: the lowest and the highest value on the scale of the estimates, where intervals end.
    """
    return {
        name: _describe_estimate(estimates, column, ends)
        for column, name in enumerate(estimates.names)
    }


def _describe_estimate(estimates: JointEstimates, column: int, ends: Interval | None) -> Estimate:
    participants, images = estimates.participants[column], estimates.images[column]
    trials = estimates.count_trials(column)
    if trials == 0:
        return Estimate(None, flags=("no_trials",))
    value, contrast = float(estimates.values[column]), _unit_vector(estimates, column)
    variance = contrast_variance(estimates, contrast, participants > 1, images > 1)
    is_raised_by_flag = {
        "one_participant": participants == 1,
        "one_image": images == 1,
        "few_participants": 1 < participants < MIN_CLUSTERS,
        "few_images": 1 < images < MIN_CLUSTERS,
        "no_variation": variance is not None and variance < MIN_VARIANCE,
    }
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    partial = Estimate(value, participants=participants, images=images, trials=trials, flags=flags)
    if variance is None or variance < MIN_VARIANCE:
        return partial
    df = min(levels for levels in (participants, images) if levels > 1) - 1
    fixed = _fixed_image_interval(estimates, contrast, value, participants)
    return replace(
        partial,
        se=sqrt(variance),
        ci95=clip_interval(_t_interval(value, variance, df), ends),
        ci95_fixed_images=None if fixed is None else clip_interval(fixed, ends),
        df=df,
    )


def describe_shares(estimates: JointEstimates) -> dict[str, Estimate]:
    """Return each estimate that is a share in [0, 1], with intervals that stay in [0, 1].

    Wilson's interval on the effective number of trials, at most the number of trials; for 0 and 1
    Clopper and Pearson's, on as many as in a typical study.
    """
    return {
        name: _describe_share(estimates, column, estimate)
        for column, (name, estimate) in enumerate(describe_estimates(estimates).items())
    }


def _describe_share(estimates: JointEstimates, column: int, estimate: Estimate) -> Estimate:
    share, participants, images = estimate.value, estimate.participants, estimate.images
    if share is None or participants == images == 1:
        return estimate
    if share in (0, 1):
        effective = estimate.trials / typical_deff(estimate.trials, participants, images)
        return replace(estimate, ci95=clopper_pearson_interval(share, effective))
    if estimate.se is None or estimate.df is None:
        return estimate
    of_trials = estimates.sum_of_squares(_unit_vector(estimates, column))
    spread = share * (1 - share)
    fixed = None
    if participants > 1:
        variance = max(float(estimates.covariances[0][column, column]), of_trials)
        fixed = wilson_interval(share, spread / variance, t_quantile(participants - 1))
    variance = max(estimate.se**2, of_trials)
    return replace(
        estimate,
        se=sqrt(variance),
        ci95=wilson_interval(share, spread / variance, t_quantile(estimate.df)),
        ci95_fixed_images=fixed,
    )


def compare_estimates(estimates: JointEstimates) -> list[EstimateDifference]:
    """Return the difference of every two estimates with trials, in alphabetical order."""
    columns = [
        column
        for column in sorted(range(len(estimates.names)), key=estimates.names.__getitem__)
        if estimates.participants[column]
    ]
    return [
        compare_by_contrast(
            estimates,
            _unit_vector(estimates, a) - _unit_vector(estimates, b),
            estimates.names[a],
            estimates.names[b],
        )
        for a, b in combinations(columns, 2)
    ]


def _fixed_image_interval(
    estimates: JointEstimates, contrast: FloatArray, value: float, participants: int
) -> Interval | None:
    """Return the interval of value = contrast (m,) @ values for new people and these images.

    It is at least that of independent trials.
    """
    if participants < 2:
        return None
    of_people = float(contrast @ estimates.covariances[0] @ contrast)
    variance = max(of_people, estimates.sum_of_squares(contrast))
    return _t_interval(value, variance, participants - 1)


def compare_by_contrast(
    estimates: JointEstimates, contrast: FloatArray, a: str, b: str
) -> EstimateDifference:
    """Return contrast (m,) @ values as the difference of a and b, tested against 0.

    Every estimate of the contrast needs trials. The degrees of freedom are the fewest participants
    or images of any of them, minus 1.
    """
    used = np.flatnonzero(contrast)
    difference = float(contrast[used] @ estimates.values[used])
    participants = min(estimates.participants[column] for column in used)
    images = min(estimates.images[column] for column in used)
    variance = contrast_variance(estimates, contrast, participants > 1, images > 1)
    is_raised_by_flag = {
        "one_participant": participants == 1,
        "one_image": images == 1,
        "no_variation": variance is not None and variance < MIN_VARIANCE,
    }
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    if variance is None or variance < MIN_VARIANCE:
        return EstimateDifference(a, b, difference, flags=flags)
    df = min(levels for levels in (participants, images) if levels > 1) - 1
    test = t_test(difference, sqrt(variance), df)
    return EstimateDifference(
        a,
        b,
        difference,
        se=sqrt(variance),
        ci95=_t_interval(difference, variance, df),
        t=test.t,
        df=df,
        p=test.p,
        flags=flags,
        ci95_fixed_images=_fixed_image_interval(estimates, contrast, difference, participants),
    )


def contrast_variance(
    estimates: JointEstimates,
    contrast: FloatArray,
    has_people: bool = True,
    has_images: bool = True,
) -> float | None:
    """Return the variance of contrast (m,) @ values, at least that by each factor alone.

    has_people, has_images: False leaves out a factor with a single level; None without both.
    """
    by_person, by_image, by_both = (
        float(contrast @ covariance @ contrast) for covariance in estimates.covariances
    )
    if has_people and has_images:
        return max(by_person + by_image - by_both, by_person, by_image)
    if has_people or has_images:
        return by_person if has_people else by_image
    return None


def _t_interval(value: float, variance: float, df: int) -> Interval:
    half = t_quantile(df) * sqrt(variance)
    return value - half, value + half


def _unit_vector(estimates: JointEstimates, column: int) -> FloatArray:
    unit: FloatArray = np.zeros(len(estimates.names))
    unit[column] = 1.0
    return unit
