"""Compare methods with the photographs: metrics of each image, and means with intervals."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from colorizer.color.bins import BinLookupTable, bin_centers, build_lookup_table, soft_encode
from colorizer.color.ciede2000 import color_difference
from colorizer.color.prior import ColorPrior, rebalancing_weights
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.evaluation.metrics import (
    auc_contribution,
    colorfulness,
    peak_signal_to_noise,
    structural_similarity,
)

BOOTSTRAP_DRAWS = 1000

BinWeights = Mapping[str, Tensor]  # name of an AuC -> weight of the pixels of each bin (Q,)


class MetricValue(NamedTuple):
    """A metric of one image, and the image's weight in the mean."""

    value: float
    weight: float = 1.0


ImageMetrics = dict[str, dict[str, MetricValue]]  # of one photograph: method -> metric -> value


class MeanEstimate(NamedTuple):
    """A mean over images; ci95 is None if there is only one image or the mean is infinite."""

    mean: float
    ci95: tuple[float, float] | None


MeanEstimates = dict[str, dict[str, MeanEstimate]]  # method -> metric -> estimate


def bin_weights(prior: ColorPrior | None) -> BinWeights:
    """Return the bin weights of the three AuCs; without a prior, only those of auc_raw.

    auc_raw: all pixels alike. auc_balanced: training weights (lambda = 0.5). auc_rebalanced:
    weights 1 / p as in the paper's table (lambda = 0), which a few rare colors dominate; the
    balanced AuC is more stable.
    """
    weights = {"auc_raw": torch.ones(len(bin_centers()), dtype=torch.float64)}
    if prior is not None:
        probability = prior.probability.double()
        weights["auc_balanced"] = rebalancing_weights(probability)
        weights["auc_rebalanced"] = rebalancing_weights(probability, uniform_share=0)
    return weights


@torch.inference_mode()
def measure_methods(
    images: Mapping[str, Tensor], methods: Sequence[str], weights: BinWeights
) -> ImageMetrics:
    """Compare the image of each method with `real`; images: method -> uint8 (1, H, W, 3).

    The metrics are those of the final 8-bit images, which people would see.
    """
    real = from_bytes(images["real"])
    lab = rgb_to_lab(real)
    nearest = soft_encode(lab[0, 1:].flatten(1).T, _nearest_bin_table(lab.device))[0][:, 0]
    pixels = {name: weight.to(lab.device)[nearest] for name, weight in weights.items()}
    metrics: ImageMetrics = {}
    for method in methods:
        rgb = from_bytes(images[method])
        metrics[method] = {
            **_auc_values(rgb_to_lab(rgb), lab, pixels),
            "psnr": MetricValue(float(peak_signal_to_noise(255 * rgb, 255 * real))),
            "ssim": MetricValue(float(structural_similarity(255 * rgb, 255 * real))),
            "ciede2000": MetricValue(float(color_difference(rgb_to_lab(rgb), lab).mean())),
            **_colorfulness(255 * rgb, 255 * real),
        }
    return metrics


def estimate_means(scores: Sequence[ImageMetrics], rng: np.random.Generator) -> MeanEstimates:
    """Estimate weighted means over photographs, with 95% intervals.

    Unweighted metrics have bootstrap percentile intervals, and all methods use the same resampled
    photographs; the weighted AuCs have the jackknife's. Raises ValueError if there are no scores.
    """
    if not scores:
        raise ValueError("no scores to estimate from")
    n = len(scores)
    draw_counts = rng.multinomial(n, np.full(n, 1 / n), size=BOOTSTRAP_DRAWS).astype(np.float64)
    return {
        method: {
            metric: _estimate_mean(
                np.array([metrics[method][metric] for metrics in scores]), draw_counts
            )
            for metric in scores[0][method]
        }
        for method in scores[0]
    }


@cache
def _nearest_bin_table(device: torch.device) -> BinLookupTable:
    return build_lookup_table(bin_centers().to(device), neighbors=1)


def _auc_values(lab: Tensor, real: Tensor, pixels: Mapping[str, Tensor]) -> dict[str, MetricValue]:
    error = torch.hypot(*(lab - real)[0, 1:].flatten(1))
    auc = auc_contribution(error).double()
    return {
        name: MetricValue(float((auc * weight).sum() / weight.sum()), float(weight.mean()))
        for name, weight in pixels.items()
    }


def _colorfulness(levels: Tensor, real: Tensor) -> dict[str, MetricValue]:
    """Return the colorfulness by both definitions, and its difference from the photograph's.

    A negative difference means that the image is too drab.
    """
    signed, absolute = (float(colorfulness(levels, kind)) for kind in (False, True))
    return {
        "colorfulness": MetricValue(signed),
        "colorfulness_gap": MetricValue(signed - float(colorfulness(real))),
        "colorfulness_abs": MetricValue(absolute),
        "colorfulness_abs_gap": MetricValue(absolute - float(colorfulness(real, absolute=True))),
    }


def _estimate_mean(scores: NDArray[np.float64], draw_counts: NDArray[np.float64]) -> MeanEstimate:
    """Estimate the weighted mean of one metric.

    scores (n, 2): value and weight of each image. draw_counts (BOOTSTRAP_DRAWS, n): how often each
    image was resampled.
    """
    value, weight = scores.T
    mean = float((value * weight).sum() / weight.sum())
    if len(scores) < 2 or not np.isfinite(mean):
        return MeanEstimate(mean, None)
    if weight.max() > weight.min():
        return MeanEstimate(mean, _jackknife_interval(value, weight, mean))
    low, high = np.quantile(draw_counts @ value / len(scores), (0.025, 0.975))
    return MeanEstimate(mean, (float(low), float(high)))


def _jackknife_interval(
    value: NDArray[np.float64], weight: NDArray[np.float64], mean: float
) -> tuple[float, float]:
    """Return the 95% interval of a weighted mean of values (n,) in [0, 1], such as an AuC.

    Where a few images carry most of the weight, resamples without them are biased, and a bootstrap
    interval barely contains the mean. The jackknife's interval is around the mean, and Student's t
    has the degrees of freedom of the effective number of images (Kish 1965), at least 1.
    """
    n, total = len(value), weight.sum()
    without = (mean * total - weight * value) / np.maximum(total - weight, 1e-9 * total)
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    df = max(total**2 / (weight @ weight) - 1, 1.0)
    half = float(special.stdtrit(df, 0.975)) * float(error)
    return max(0.0, mean - half), min(1.0, mean + half)
