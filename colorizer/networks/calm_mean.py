"""Decode a classification without clouds of color on plain grounds.

On a plain ground, such as a white wall, lightness says nothing about the color. Several bins are
likely, and training weights raise the rare ones, so the mean color is a pastel cloud. Here, the
weights are removed where the ground is plain, and a guided filter smooths what remains.
"""

import torch
from torch import Tensor
from torch.nn import functional

from colorizer.color.chunks import iterate_chunks

STRIDE = 4  # of predictions, in pixels
WINDOW_PX = 13  # window in which the standard deviation of L is measured
PLAIN_SD = 1.5  # of L: the share of a weight that is taken back falls to 1 / e at this value
GUIDE_RADIUS, GUIDE_EPSILON = 4, 10.0  # of the guided filter: samples, and squared units of L
CALM_GAIN = 1.15  # for ab, because without some of the weights colors are duller


def calm_mean(
    logits: Tensor, lightness: Tensor, bins: Tensor, weight: Tensor, temperature: float = 1.0
) -> Tensor:
    """Return the mean color ab (N, 2, H / 4, W / 4) with less color on plain grounds.

    logits (N, Q, H / 4, W / 4); lightness (N, 1, H, W); bins (Q, 2); weight (Q,): of the bins in
    the training loss.
    """
    n, q, height, width = logits.shape
    rows = (logits.movedim(1, -1).reshape(-1, q), plainness(lightness).flatten())
    means = [
        bins.T @ (row.float().addr(plain, weight.log(), alpha=-1) / temperature).softmax(dim=1).T
        for row, plain in iterate_chunks(*rows)
    ]
    ab = torch.cat(means, dim=1).reshape(2, n, height, width).movedim(0, 1)
    return CALM_GAIN * guided_filter(ab, lightness[..., ::STRIDE, ::STRIDE])


def plainness(lightness: Tensor) -> Tensor:
    """Return how plain L (N, 1, H, W) is at every fourth pixel, (N, 1, H / 4, W / 4) in [0, 1].

    1: L is constant around the pixel; near 0: its standard deviation is far above PLAIN_SD.
    """
    centered = lightness - lightness.mean(dim=(2, 3), keepdim=True)  # for precise squares
    mean, mean_of_squares = (_window_mean(x) for x in (centered, centered.square()))
    variance = (mean_of_squares - mean.square()).clamp(min=0)
    return _box_mean(torch.exp(-variance / PLAIN_SD**2), radius=1)


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


def _window_mean(x: Tensor) -> Tensor:
    """Return the means of windows around every fourth pixel, (N, 1, H / 4, W / 4)."""
    return functional.avg_pool2d(x, WINDOW_PX, STRIDE, WINDOW_PX // 2, count_include_pad=False)


def _box_mean(x: Tensor, radius: int = GUIDE_RADIUS) -> Tensor:
    """Return the mean of the window around every sample, cut off at the border."""
    side = 2 * radius + 1
    return functional.avg_pool2d(x, side, stride=1, padding=radius, count_include_pad=False)
