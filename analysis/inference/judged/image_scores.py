"""The scores of single images, shrunk toward the mean of their method.

Raw scores of a few judgments rank luck. Shares follow a beta-binomial model (Griffin & Krutchkoff
1971). Ratings are shrunk by their reliability (Kelley 1927): with m judgments and the intraclass
correlation r of a method's images, it is m r / (1 + (m - 1) r).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from analysis.inference.image_ranking import fit_beta_binomial
from analysis.inference.intervals import Interval, t_quantile
from analysis.inference.variance import estimate_icc
from analysis.trials import Codes, FloatArray, IntArray

MIN_SHARE = 1e-9  # of the variance that lies within images


@dataclass(frozen=True)
class ImageScore:
    """The mean score of one image; shrunk, ci95: its estimate with a 95% interval."""

    image: str
    score: float
    judgments: int
    shrunk: float | None = None
    ci95: Interval | None = None


@dataclass(frozen=True)
class ImageScores:
    """The images of one method, the best first; None where the data cannot rank them.

    reliability: mean over images of the share of a score's spread that is the image's. flags:
    `one_image`, `one_trial_each_image`, `no_image_variance`.
    """

    images: tuple[ImageScore, ...]
    judgments_per_image: float
    reliability: float | None = None
    flags: tuple[str, ...] = ()


def rank_images_by_share(wins: FloatArray, image: Codes, names: Sequence[str]) -> ImageScores:
    """Rank the images of one method by the share of trials that they won.

    wins (n,): in [0, 1], a part of 1 for a tie; image (n,): codes from 0; names: by code.
    """
    partial, totals, counts = _collect(wins, image, names)
    if partial.flags:
        return partial
    shape = None
    if 0 < totals.sum() < counts.sum():
        shape = fit_beta_binomial(totals, counts)
    if shape is None:
        return replace(partial, flags=("no_image_variance",))
    alpha, beta = shape[0] + totals, shape[1] + counts - totals
    ends: list[FloatArray] = [
        np.asarray(special.betaincinv(alpha, beta, tail), dtype=np.float64)
        for tail in (0.025, 0.975)
    ]
    low, high = ends
    return _rank(partial, alpha / (alpha + beta), low, high, counts / (counts + sum(shape)))


def rank_images_by_score(
    scores: FloatArray, image: Codes, names: Sequence[str], ends: Interval | None = None
) -> ImageScores:
    """Rank the images of one method by their mean score.

    scores, image, names: as for shares. ends: the lowest and the highest score of the scale, where
    intervals end.
    """
    partial, totals, counts = _collect(scores, image, names)
    if partial.flags:
        return partial
    icc = estimate_icc(scores, image)
    if icc is None or icc <= 0:
        return replace(partial, flags=("no_image_variance",))
    mean = float(scores.mean())
    reliability = counts * icc / (1 + (counts - 1) * icc)
    shrunk = mean + reliability * (totals / counts - mean)
    of_images = _variance_within(scores, image) * icc / max(1 - icc, MIN_SHARE)
    half = t_quantile(float("inf")) * np.sqrt((1 - reliability) * of_images)
    lowest, highest = ends or (-np.inf, np.inf)
    low, high = np.maximum(shrunk - half, lowest), np.minimum(shrunk + half, highest)
    return _rank(partial, shrunk, low, high, reliability)


def _collect(
    values: FloatArray, image: Codes, names: Sequence[str]
) -> tuple[ImageScores, FloatArray, IntArray]:
    """Return the images without estimates, and their sums and numbers of judgments."""
    every_count = np.bincount(image)
    shown = np.flatnonzero(every_count)
    counts: IntArray = every_count[shown].astype(np.int64)
    totals: FloatArray = np.bincount(image, weights=values)[shown].astype(np.float64)
    is_raised_by_flag = {
        "one_image": len(shown) == 1,
        "one_trial_each_image": len(shown) == len(values) > 1,
    }
    images = tuple(
        ImageScore(names[code], total / count, count)
        for code, total, count in zip(shown.tolist(), totals.tolist(), counts.tolist(), strict=True)
    )
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    return ImageScores(images, float(counts.mean()), flags=flags), totals, counts


def _variance_within(scores: FloatArray, image: Codes) -> float:
    """Return the variance of the ratings of the same image."""
    counts = np.bincount(image)
    totals = np.bincount(image, weights=scores)
    squares = float(scores @ scores) - float((totals**2 / np.maximum(counts, 1)).sum())
    return max(squares, 0.0) / (len(scores) - np.count_nonzero(counts))


def _rank(
    partial: ImageScores, shrunk: FloatArray, low: FloatArray, high: FloatArray,
    reliability: FloatArray,
) -> ImageScores:  # fmt: skip
    """Add the estimates, and sort the images from the best to the worst."""
    images = [
        replace(one, shrunk=estimate, ci95=interval)
        for one, estimate, interval in zip(
            partial.images,
            shrunk.tolist(),
            zip(low.tolist(), high.tolist(), strict=True),
            strict=True,
        )
    ]
    images.sort(key=lambda one: (-(one.shrunk or 0.0), one.image))
    return replace(partial, images=tuple(images), reliability=float(reliability.mean()))
