"""Decode a classification without clouds of color on plain areas.

On a plain ground, such as a white wall, lightness says nothing about the color. Several bins are
likely, and training weights raise the rare ones, so the mean color is a pastel cloud. Here, the
weights are removed where the ground is plain, and a guided filter smooths what remains.
"""

import torch
from torch import Tensor
from torch.nn import functional

from colorizer.color.chunks import iterate_chunks
from colorizer.color.plainness import STRIDE, plainness

WINDOW_PX = 13  # window in which plainness is measured
GUIDE_RADIUS, GUIDE_EPSILON = 4, 10.0  # of the guided filter: samples, and squared units of L
CALM_GAIN = 1.15  # for ab, because without some of the weights colors are duller


def calm_mean(
    logits: Tensor, lightness: Tensor, bins: Tensor, weight: Tensor, temperature: float = 1.0
) -> Tensor:
    """Return the mean color ab (N, 2, H / 4, W / 4) with less color on plain areas.

    logits (N, Q, H / 4, W / 4); lightness (N, 1, H, W); bins (Q, 2); weight (Q,): of the bins in
    the training loss.
    """
    n, q, height, width = logits.shape
    rows = (logits.movedim(1, -1).reshape(-1, q), smooth_plainness(lightness).flatten())
    means = [
        bins.T @ (row.float().addr(plain, weight.log(), alpha=-1) / temperature).softmax(dim=1).T
        for row, plain in iterate_chunks(*rows)
    ]
    ab = torch.cat(means, dim=1).reshape(2, n, height, width).movedim(0, 1)
    return CALM_GAIN * guided_filter(ab, lightness[..., ::STRIDE, ::STRIDE])


def smooth_plainness(lightness: Tensor) -> Tensor:
    """Return the plainness of L (N, 1, H, W), averaged over 3 x 3 samples, (N, 1, H / 4, W / 4)."""
    return _box_mean(plainness(lightness, WINDOW_PX), radius=1)


def guided_filter(ab: Tensor, guide: Tensor) -> Tensor:
    """Smooth ab (N, 2, H, W) where the guide (N, 1, H, W) is smooth; keep edges that both have.

    Source: He, Sun & Tang, Guided Image Filtering, ECCV 2010. At the border, windows are cut off.
    """
    guide = guide - guide.mean(dim=(2, 3), keepdim=True)  # for precise squares
    mean_guide, mean_ab = _box_mean(guide), _box_mean(ab)
    covariance = _box_mean(guide * ab) - mean_guide * mean_ab
    variance = _box_mean(guide.square()) - mean_guide.square()
    slope = covariance / (variance + GUIDE_EPSILON)
    return _box_mean(slope) * guide + _box_mean(mean_ab - slope * mean_guide)


def _box_mean(x: Tensor, radius: int = GUIDE_RADIUS) -> Tensor:
    """Return the mean of the window around every sample, cut off at the border."""
    side = 2 * radius + 1
    return functional.avg_pool2d(x, side, stride=1, padding=radius, count_include_pad=False)
