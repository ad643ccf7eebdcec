"""Methods measured against photographs: scores an image, means with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.color.bins import BinLookupTable, bin_centers, build_lookup_table, soft_encode
from colorizer.color.ciede2000 import color_difference
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.evaluation.metrics import (
    auc_contribution,
    colorfulness,
    peak_signal_to_noise,
    structural_similarity,
)
from colorizer.training.prior import ColorPrior, rebalancing_weights

BOOTSTRAP_DRAWS = 1000  # of the bootstrap

BinWeights = Mapping[str, Tensor]  # an AuC's name -> what a pixel of each bin weighs (Q,)


class MetricValue(NamedTuple):
    """A metric of one image, and what the image counts in the mean."""

    value: float
    weight: float = 1.0


ImageMetrics = dict[str, dict[str, MetricValue]]  # method -> metric -> score; of one photograph


class MeanEstimate(NamedTuple):
    """A mean over images; no interval where there is one image, or a mean without bounds."""

    mean: float
    ci95: tuple[float, float] | None


MeanEstimates = dict[str, dict[str, MeanEstimate]]  # method -> metric -> estimate


def bin_weights(prior: ColorPrior | None) -> BinWeights:
    """Pixels of all colors alike; as in training, lambda 0.5; as in the paper's table, lambda 0.

    The last, 1 / p, lets a few rare colors decide; the balanced AuC is the steadier one.
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
    """Images of methods, uint8 (1, H, W, 3) -> scores of those asked for against `real`

    Measured is the 8-bit image that people would see, within the gamut.
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
    """Weighted means over photographs, and their percentile intervals over drawn photographs.

    All methods meet the same draws. Raises ValueError where there are no scores.
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
    under = auc_contribution(error).double()
    return {
        name: MetricValue(float((under * weight).sum() / weight.sum()), float(weight.mean()))
        for name, weight in pixels.items()
    }


def _colorfulness(levels: Tensor, real: Tensor) -> dict[str, MetricValue]:
    """By both definitions, each followed by its gap to the photograph's; below 0: too drab"""
    signed, absolute = (float(colorfulness(levels, kind)) for kind in (False, True))
    return {
        "colorfulness": MetricValue(signed),
        "colorfulness_gap": MetricValue(signed - float(colorfulness(real))),
        "colorfulness_abs": MetricValue(absolute),
        "colorfulness_abs_gap": MetricValue(absolute - float(colorfulness(real, absolute=True))),
    }


def _estimate_mean(scores: NDArray[np.float64], draw_counts: NDArray[np.float64]) -> MeanEstimate:
    """scores (n, 2): value and weight of each image.

    Draw_counts (BOOTSTRAP_DRAWS, n): how often it was drawn
    """
    value, weight = scores.T
    mean = float((value * weight).sum() / weight.sum())
    if len(scores) < 2 or not np.isfinite(mean):
        return MeanEstimate(mean, None)
    means = (draw_counts @ (value * weight)) / (draw_counts @ weight)
    low, high = np.quantile(means, (0.025, 0.975))
    return MeanEstimate(mean, (float(low), float(high)))
