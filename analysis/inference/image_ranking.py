"""Which images fool most: each one's rate, drawn towards the others' by how little it was seen.

Empirical Bayes with the beta-binomial (Griffin & Krutchkoff 1971): rates of images follow
Beta(alpha, beta), fitted by maximum likelihood. Raw rates of a few trials rank luck.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.inference.intervals import Interval
from analysis.trials import Trials, count_clusters

NOISE = 0.5  # below this reliability a ranking is mostly noise
NO_VARIANCE = 1e-3  # images whose variance adds less log likelihood than this have none
BOUNDS = ((-12.0, 12.0), (-7.0, 12.0))  # logit of the mean; log(alpha + beta), all to nothing

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ImageRate:
    """How often one image's fake fooled. shrunk_rate, ci95: posterior mean and 95 % interval."""

    image: str
    method: str
    fooled: int
    trials: int
    shrunk_rate: float | None = None
    ci95: Interval | None = None


@dataclass(frozen=True)
class Ranking:
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


def rank_images(trials: Trials, method: str, names: Sequence[str]) -> Ranking:
    """One method's images. names: of the images, by code."""
    part = trials.for_method(method)
    if len(part.fooled) == 0:
        return Ranking(flags=("no_trials",))
    seen = np.bincount(part.image)
    shown = np.flatnonzero(seen)
    fooled, seen = np.bincount(part.image[part.fooled], minlength=len(seen))[shown], seen[shown]
    raw = [
        ImageRate(names[image], method, *counts)
        for image, *counts in zip(shown.tolist(), fooled.tolist(), seen.tolist(), strict=True)
    ]
    counted = Ranking(trials_per_image=float(seen.mean()), flags=_obstacles(part))
    shape = None if counted.flags else fit_beta(fooled, seen)
    if shape is None:
        flags = counted.flags or ("no_image_variance",)
        return replace(counted, images=tuple(sorted(raw, key=_by_name)), flags=flags)
    total = sum(shape)
    reliability = float((seen / (seen + total)).mean())
    return replace(
        counted,
        alpha=shape[0],
        beta=shape[1],
        icc=1 / (total + 1),
        reliability=reliability,
        images=tuple(sorted(_shrink(raw, fooled, seen, shape), key=_by_rate)),
        flags=("mostly_noise",) if reliability < NOISE else (),
    )


def fit_beta(fooled: Counts, trials: Counts) -> tuple[float, float] | None:
    """alpha and beta of highest likelihood; None where rates spread no more than by chance.

    fooled, trials (I,): counts of the images, some neither 0 nor all.
    """
    pairs, times = np.unique(np.stack([fooled, trials], axis=1), axis=0, return_counts=True)
    hits, misses = pairs[:, 0], pairs[:, 1] - pairs[:, 0]
    share = times @ hits / (times @ pairs[:, 1])
    found = optimize.minimize(
        _beta_binomial_loss,
        [float(special.logit(share)), 2.0],
        args=(hits, misses, times),
        jac=True,
        method="L-BFGS-B",
        bounds=BOUNDS,
        options={"ftol": 1e-14, "gtol": 1e-8},
    )
    binomial = -float(times @ (hits * np.log(share) + misses * np.log1p(-share)))
    if found.fun > binomial - NO_VARIANCE:
        return None
    mean, total = special.expit(found.x[0]), np.exp(found.x[1])
    return float(mean * total), float((1 - mean) * total)


def _beta_binomial_loss(
    at: NDArray[np.float64], hits: Counts, misses: Counts, times: Counts
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
    raw: Sequence[ImageRate], fooled: Counts, trials: Counts, shape: tuple[float, float]
) -> list[ImageRate]:
    alpha, beta = shape[0] + fooled, shape[1] + trials - fooled
    rates = (alpha / (alpha + beta)).tolist()
    low, high = (special.betaincinv(alpha, beta, tail).tolist() for tail in (0.025, 0.975))
    return [
        replace(one, shrunk_rate=rate, ci95=interval)
        for one, rate, interval in zip(raw, rates, zip(low, high, strict=True), strict=True)
    ]


def _by_name(one: ImageRate) -> str:
    return one.image


def _by_rate(one: ImageRate) -> tuple[float, str]:
    return -(one.shrunk_rate or 0.0), one.image


def _obstacles(trials: Trials) -> tuple[str, ...]:
    n, fooled, images = len(trials.fooled), int(trials.fooled.sum()), count_clusters(trials.image)
    raised = {
        "one_image": images == 1,
        "one_trial_each_image": images == n > 1,
        "rate_at_bound": fooled in (0, n),
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)
