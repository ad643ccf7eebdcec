"""Compare methods with the photographs: metrics of each image, and means with intervals."""

import math
from collections.abc import Callable, Mapping, Sequence
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
    share_within,
    structural_similarity,
)
from colorizer.evaluation.plain_ground import (
    PlainGround,
    chroma_on_gray_ground,
    find_plain_ground,
    is_measurable,
    patchiness,
)

BOOTSTRAP_DRAWS = 1000

BinWeights = Mapping[str, Tensor]  # name of an AuC -> weight of the pixels of each bin (Q,)


class MetricValue(NamedTuple):
    """A metric of one image, and the image's weight in the mean: 0 if it cannot be measured."""

    value: float
    weight: float = 1.0


ImageMetrics = dict[str, dict[str, MetricValue]]  # of one photograph: method -> metric -> value


class MeanEstimate(NamedTuple):
    """A mean over images, NaN if none could be measured.

    ci95 is None if there is only one image, or if the mean is not finite.
    """

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
    ground = find_plain_ground(lab)
    metrics: ImageMetrics = {}
    for method in methods:
        rgb = from_bytes(images[method])
        shown = rgb_to_lab(rgb)
        metrics[method] = {
            **_auc_values(shown, lab, pixels),
            "psnr": MetricValue(float(peak_signal_to_noise(255 * rgb, 255 * real))),
            "ssim": MetricValue(float(structural_similarity(255 * rgb, 255 * real))),
            "ciede2000": MetricValue(float(color_difference(shown, lab).mean())),
            **_colorfulness(255 * rgb, 255 * real),
            "plain_gray_chroma": _on_ground(chroma_on_gray_ground, shown, ground, ground.gray),
            "patches": _on_ground(patchiness, shown, ground, ground.plain),
        }
    return metrics


@torch.inference_mode()
def error_curves(images: Mapping[str, Tensor], methods: Sequence[str]) -> dict[str, Tensor]:
    """Return each method's share of pixels within an ab error, as `share_within` does."""
    real = rgb_to_lab(from_bytes(images["real"]))
    errors = {method: rgb_to_lab(from_bytes(images[method])) - real for method in methods}
    return {method: share_within(torch.hypot(*x[0, 1:]).cpu()) for method, x in errors.items()}


def estimate_means(scores: Sequence[ImageMetrics], rng: np.random.Generator) -> MeanEstimates:
    """Estimate weighted means over photographs, with 95% intervals.

    Unweighted metrics have bootstrap percentile intervals, and all methods use the same resampled
    photographs; weighted metrics have the jackknife's. Raises ValueError if there are no scores.
    """
    if not scores:
        raise ValueError("no scores to estimate from")
    n = len(scores)
    draw_counts = rng.multinomial(n, np.full(n, 1 / n), size=BOOTSTRAP_DRAWS).astype(np.float64)
    return {
        method: {
            metric: _estimate_mean(
                np.array([metrics[method][metric] for metrics in scores]),
                draw_counts,
                largest=1.0 if metric.startswith("auc") else math.inf,
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


def _on_ground(
    measure: Callable[[Tensor, PlainGround], float], lab: Tensor, ground: PlainGround, mask: Tensor
) -> MetricValue:
    return MetricValue(measure(lab, ground)) if is_measurable(mask) else MetricValue(0, weight=0)


def _estimate_mean(
    scores: NDArray[np.float64], draw_counts: NDArray[np.float64], largest: float
) -> MeanEstimate:
    """Estimate the weighted mean of one metric.

    scores (n, 2): value and weight of each image. draw_counts (BOOTSTRAP_DRAWS, n): how often each
    image was resampled. largest: the largest possible mean.
    """
    value, weight = scores.T
    if not weight.any():
        return MeanEstimate(math.nan, None)
    mean = float((value * weight).sum() / weight.sum())
    if (weight > 0).sum() < 2 or not np.isfinite(mean):
        return MeanEstimate(mean, None)
    if weight.max() > weight.min():
        low, high = _jackknife_interval(value[weight > 0], weight[weight > 0], mean)
        return MeanEstimate(mean, (max(0.0, low), min(largest, high)))
    low, high = np.quantile(draw_counts @ value / len(scores), (0.025, 0.975))
    return MeanEstimate(mean, (float(low), float(high)))


def _jackknife_interval(
    value: NDArray[np.float64], weight: NDArray[np.float64], mean: float
) -> tuple[float, float]:
    """Return the 95% interval of a weighted mean of values (n,), such as an AuC.

    Where a few images carry most of the weight, resamples without them are biased, and a bootstrap
    interval barely contains the mean. The jackknife's interval is around the mean, and Student's t
    has the degrees of freedom of the effective number of images (Kish 1965), at least 1.
    """
    n, total = len(value), weight.sum()
    without = (mean * total - weight * value) / np.maximum(total - weight, 1e-9 * total)
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    df = max(total**2 / (weight @ weight) - 1, 1.0)
    half = float(special.stdtrit(df, 0.975)) * float(error)
    return mean - half, mean + half
