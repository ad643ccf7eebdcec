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
    area_under_curve,
    colorfulness,
    peak_signal_to_noise,
    structural_similarity,
)
from colorizer.training.prior import ColorPrior, rebalancing_weights

DRAWS = 1000  # of the bootstrap

Weights = Mapping[str, Tensor]  # an AuC's name -> what a pixel of each bin weighs (Q,)


class Score(NamedTuple):
    """A metric of one image, and what the image counts in the mean."""

    value: float
    weight: float = 1.0


Scores = dict[str, dict[str, Score]]  # method -> metric -> score; of one photograph


class Estimate(NamedTuple):
    """A mean over images; no interval where there is one image, or a mean without bounds."""

    mean: float
    ci95: tuple[float, float] | None


Estimates = dict[str, dict[str, Estimate]]  # method -> metric -> estimate


def pixel_weights(prior: ColorPrior | None) -> Weights:
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
def score(painted: Mapping[str, Tensor], methods: Sequence[str], weights: Weights) -> Scores:
    """Images of methods, uint8 (1, H, W, 3) -> scores of those asked for against `real`

    Measured is the 8-bit image that people would see, within the gamut.
    """
    real = from_bytes(painted["real"])
    lab = rgb_to_lab(real)
    nearest = soft_encode(lab[0, 1:].flatten(1).T, _nearest_bin(lab.device))[0][:, 0]
    pixels = {name: weight.to(lab.device)[nearest] for name, weight in weights.items()}
    found: Scores = {}
    for method in methods:
        levels = from_bytes(painted[method])
        found[method] = {
            **_areas(rgb_to_lab(levels), lab, pixels),
            "psnr": Score(float(peak_signal_to_noise(255 * levels, 255 * real))),
            "ssim": Score(float(structural_similarity(255 * levels, 255 * real))),
            "ciede2000": Score(float(color_difference(rgb_to_lab(levels), lab).mean())),
            **_colorfulness(255 * levels, 255 * real),
        }
    return found


def estimate(scores: Sequence[Scores], rng: np.random.Generator) -> Estimates:
    """Weighted means over photographs, and their percentile intervals over drawn photographs.

    All methods meet the same draws. Raises ValueError where there are no scores.
    """
    if not scores:
        raise ValueError("no scores to estimate from")
    n = len(scores)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    return {
        method: {
            metric: _estimate(np.array([found[method][metric] for found in scores]), drawn)
            for metric in scores[0][method]
        }
        for method in scores[0]
    }


@cache
def _nearest_bin(device: torch.device) -> BinLookupTable:
    return build_lookup_table(bin_centers().to(device), neighbors=1)


def _areas(lab: Tensor, real: Tensor, pixels: Mapping[str, Tensor]) -> dict[str, Score]:
    error = torch.hypot(*(lab - real)[0, 1:].flatten(1))
    under = area_under_curve(error).double()
    return {
        name: Score(float((under * weight).sum() / weight.sum()), float(weight.mean()))
        for name, weight in pixels.items()
    }


def _colorfulness(levels: Tensor, real: Tensor) -> dict[str, Score]:
    """By both definitions, each followed by its gap to the photograph's; below 0: too drab"""
    signed, absolute = (float(colorfulness(levels, kind)) for kind in (False, True))
    return {
        "colorfulness": Score(signed),
        "colorfulness_gap": Score(signed - float(colorfulness(real))),
        "colorfulness_abs": Score(absolute),
        "colorfulness_abs_gap": Score(absolute - float(colorfulness(real, absolute=True))),
    }


def _estimate(scores: NDArray[np.float64], drawn: NDArray[np.float64]) -> Estimate:
    """scores (n, 2): value and weight of each image; drawn (DRAWS, n): how often it was drawn"""
    value, weight = scores.T
    mean = float((value * weight).sum() / weight.sum())
    if len(scores) < 2 or not np.isfinite(mean):
        return Estimate(mean, None)
    means = (drawn @ (value * weight)) / (drawn @ weight)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(mean, (float(low), float(high)))
