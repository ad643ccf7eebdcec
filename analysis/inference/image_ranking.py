"""Rank images by how often their fakes fooled, with rates shrunk toward the mean.

Empirical Bayes with the beta-binomial (Griffin & Krutchkoff 1971): rates of images follow
Beta(alpha, beta), fitted by maximum likelihood. Raw rates of a few trials rank luck.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.inference.intervals import Interval
from analysis.trials import (
    AnyTrials,
    FloatArray,
    IntArray,
    count_by_cluster,
    count_clusters,
    sum_by_cluster,
)

MIN_RELIABILITY = 0.5  # below this reliability a ranking is mostly noise
MIN_LIKELIHOOD_GAIN = 1e-3  # images whose variance adds less log likelihood than this have none
# logit of the mean; log(alpha + beta), all to nothing
PARAMETER_BOUNDS = ((-12.0, 12.0), (-7.0, 12.0))


@dataclass(frozen=True)
class ImageRate:
    """The fooling rate of one image's fake. shrunk_rate, ci95: posterior mean and 95% interval."""

    image: str
    method: str
    fooled: int
    trials: int
    shrunk_rate: float | None = None
    ci95: Interval | None = None


@dataclass(frozen=True)
class ImageRanking:
    """One method's images, the most fooling first; None where the data cannot rank them.

    icc: 1 / (alpha + beta + 1). trials_per_image: mean. reliability: mean over images of
    r ICC / (1 + (r - 1) ICC) at their r trials, the share of a rate's spread that is the image's.
    flags: `no_trials`, `one_image`, `one_trial_each_image`, `rate_at_bound`, `no_image_variance`,
    `mostly_noise` (a reliability below 0.5).
    """

    alpha: float | None = None
    beta: float | None = None
    icc: float | None = None
    trials_per_image: float | None = None
    reliability: float | None = None
    images: tuple[ImageRate, ...] = ()
    flags: tuple[str, ...] = ()


def rank_images(trials: AnyTrials, method: str, names: Sequence[str]) -> ImageRanking:
    """One method's images. names: of the images, by code."""
    part = trials.for_method(method)
    if part.size == 0:
        return ImageRanking(flags=("no_trials",))
    trial_counts = count_by_cluster(part.image)
    shown = np.flatnonzero(trial_counts)
    fooled = sum_by_cluster(part.image, part.fooled).astype(np.int64)[shown]
    trial_counts = trial_counts[shown]
    raw = [
        ImageRate(names[image], method, *counts)
        for image, *counts in zip(
            shown.tolist(), fooled.tolist(), trial_counts.tolist(), strict=True
        )
    ]
    partial = ImageRanking(trials_per_image=float(trial_counts.mean()), flags=_ranking_flags(part))
    beta_parameters = None if partial.flags else fit_beta_binomial(fooled, trial_counts)
    if beta_parameters is None:
        flags = partial.flags or ("no_image_variance",)
        return replace(partial, images=tuple(sorted(raw, key=_name_key)), flags=flags)
    total = sum(beta_parameters)
    reliability = float((trial_counts / (trial_counts + total)).mean())
    return replace(
        partial,
        alpha=beta_parameters[0],
        beta=beta_parameters[1],
        icc=1 / (total + 1),
        reliability=reliability,
        images=tuple(sorted(_shrink(raw, fooled, trial_counts, beta_parameters), key=_rate_key)),
        flags=("mostly_noise",) if reliability < MIN_RELIABILITY else (),
    )


def fit_beta_binomial(
    fooled: IntArray | FloatArray, trials: IntArray
) -> tuple[float, float] | None:
    """Fit alpha and beta by maximum likelihood; None if rates vary no more than by chance.

    fooled, trials (I,): counts of the images, some neither 0 nor all.
    """
    pairs, pair_counts = np.unique(np.stack([fooled, trials], axis=1), axis=0, return_counts=True)
    hits, misses = pairs[:, 0], pairs[:, 1] - pairs[:, 0]
    share = pair_counts @ hits / (pair_counts @ pairs[:, 1])
    result = optimize.minimize(
        _beta_binomial_loss,
        [float(special.logit(share)), 2.0],
        args=(hits, misses, pair_counts),
        jac=True,
        method="L-BFGS-B",
        bounds=PARAMETER_BOUNDS,
        options={"ftol": 1e-14, "gtol": 1e-8},
    )
    binomial = -float(pair_counts @ (hits * np.log(share) + misses * np.log1p(-share)))
    if result.fun > binomial - MIN_LIKELIHOOD_GAIN:
        return None
    mean, total = special.expit(result.x[0]), np.exp(result.x[1])
    return float(mean * total), float((1 - mean) * total)


def _beta_binomial_loss(
    at: NDArray[np.float64], hits: IntArray, misses: IntArray, times: IntArray
) -> tuple[float, NDArray[np.float64]]:
    """-log likelihood at (logit of the mean, log of alpha + beta), and its gradient."""
    mean, total = special.expit(at[0]), np.exp(at[1])
    alpha, beta = mean * total, (1 - mean) * total
    likelihood = special.betaln(alpha + hits, beta + misses) - special.betaln(alpha, beta)
    both = special.psi(total) - special.psi(total + hits + misses)
    by_alpha = times @ (special.psi(alpha + hits) - special.psi(alpha) + both)
    by_beta = times @ (special.psi(beta + misses) - special.psi(beta) + both)
    by_mean = total * mean * (1 - mean) * (by_alpha - by_beta)
    gradient = np.array([by_mean, alpha * by_alpha + beta * by_beta])
    return -float(times @ likelihood), -gradient


def _shrink(
    raw: Sequence[ImageRate], fooled: IntArray, trials: IntArray, shape: tuple[float, float]
) -> list[ImageRate]:
    alpha, beta = shape[0] + fooled, shape[1] + trials - fooled
    rates = (alpha / (alpha + beta)).tolist()
    low, high = (special.betaincinv(alpha, beta, tail).tolist() for tail in (0.025, 0.975))
    return [
        replace(one, shrunk_rate=rate, ci95=interval)
        for one, rate, interval in zip(raw, rates, zip(low, high, strict=True), strict=True)
    ]


def _name_key(one: ImageRate) -> str:
    return one.image


def _rate_key(one: ImageRate) -> tuple[float, str]:
    return -(one.shrunk_rate or 0.0), one.image


def _ranking_flags(trials: AnyTrials) -> tuple[str, ...]:
    n, fooled, images = trials.size, trials.fooled_count, count_clusters(trials.image)
    is_raised_by_flag = {
        "one_image": images == 1,
        "one_trial_each_image": images == n > 1,
        "rate_at_bound": fooled in (0, n),
    }
    return tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
