"""Means of judgments, and their differences, for new people and new images.

The variance is clustered by participant and by image, and at least that of each factor alone
(Cameron, Gelbach & Miller 2011); the interval uses Student's t.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np

from analysis.inference.clusters import clustered_variance, floored_variance
from analysis.inference.contrasts import adjust_holm, t_test
from analysis.inference.intervals import Interval, t_quantile
from analysis.trials import Codes, FloatArray, count_clusters

MIN_CLUSTERS = 10  # fewer people, or images, than this and the report says so


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with its interval; None for what cannot be estimated.

    ci95_fixed_images: for new people who see these images. flags: `no_trials`, `one_participant`,
    `one_image`, `few_participants`, `few_images`.
    """

    value: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    ci95_fixed_images: Interval | None = None
    df: int | None = None
    participants: int = 0
    images: int = 0
    trials: int = 0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeanDifference:
    """The difference a − b of two means; `of` says of what."""

    a: str
    b: str
    of: str
    difference: float
    se: float | None = None
    ci95: Interval | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    p_holm: float | None = None


def estimate_mean(values: FloatArray, participant: Codes, image: Codes) -> MeanEstimate:
    """Estimate the mean of values (n,), with the codes (n,) of their participants and images."""
    n = len(values)
    if n == 0:
        return MeanEstimate(flags=("no_trials",))
    people, images = count_clusters(participant), count_clusters(image)
    partial = MeanEstimate(
        value=float(values.mean()),
        participants=people,
        images=images,
        trials=n,
        flags=_flags(people, images),
    )
    factors = [codes for codes in (participant, image) if count_clusters(codes) > 1]
    if not factors:
        return partial
    influence = (values - values.mean()) / n
    df = min(map(count_clusters, factors)) - 1
    se = sqrt(max(floored_variance(influence, factors), 0.0))
    fixed = None
    if people > 1:
        own = sqrt(clustered_variance(influence, participant))
        fixed = _interval(float(values.mean()), own, people - 1)
    return replace(
        partial,
        se=se,
        ci95=_interval(float(values.mean()), se, df),
        ci95_fixed_images=fixed,
        df=df,
    )


def _flags(people: int, images: int) -> tuple[str, ...]:
    raised = {
        "one_participant": people == 1,
        "one_image": images == 1,
        "few_participants": 1 < people < MIN_CLUSTERS,
        "few_images": 1 < images < MIN_CLUSTERS,
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def _interval(value: float, se: float, df: int) -> Interval:
    half = t_quantile(df) * se
    return value - half, value + half


def compare_means(
    of: str, values: FloatArray, method: Sequence[str], participant: Codes, image: Codes
) -> list[MeanDifference]:
    """Compare the means of all pairs of methods, with p values adjusted by Holm."""
    names = np.array(method)
    pairs = [
        _compare(of, a, b, values, names, participant, image)
        for a, b in combinations(sorted(set(method)), 2)
    ]
    adjusted = adjust_holm([pair.p for pair in pairs])
    return [replace(pair, p_holm=p) for pair, p in zip(pairs, adjusted, strict=True)]


def _compare(
    of: str,
    a: str,
    b: str,
    values: FloatArray,
    method: np.ndarray[tuple[int], np.dtype[np.str_]],
    participant: Codes,
    image: Codes,
) -> MeanDifference:
    first, second = method == a, method == b
    means = values[first].mean(), values[second].mean()
    difference = float(means[0] - means[1])
    partial = MeanDifference(a, b, of, difference)
    chosen = first | second
    influence = np.where(
        first, (values - means[0]) / first.sum(), -(values - means[1]) / second.sum()
    )[chosen]
    factors = [
        codes
        for codes in (participant[chosen], image[chosen])
        if min(count_clusters(codes[part[chosen]]) for part in (first, second)) > 1
    ]
    if not factors:
        return partial
    se = sqrt(max(floored_variance(influence, factors), 0.0))
    if not se:
        return partial
    df = (
        min(count_clusters(codes[part[chosen]]) for codes in factors for part in (first, second))
        - 1
    )
    test = t_test(difference, se, df)
    return replace(partial, se=se, ci95=_interval(difference, se, df), t=test.t, df=df, p=test.p)
