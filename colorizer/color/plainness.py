"""Measure how plain the ground around a pixel is, from lightness alone.

On a plain ground, such as a white wall, lightness says nothing about the color.
"""

import torch
from torch import Tensor
from torch.nn import functional

STRIDE = 4  # pixels between predictions
PLAIN_SD = 1.5  # at this standard deviation of L, plainness has fallen to 1 / e


def plainness(lightness: Tensor, window_px: int) -> Tensor:
    """Return how plain L (N, 1, H, W) is at every fourth pixel, (N, 1, H / 4, W / 4) in [0, 1].

    1: L is constant in the window around the pixel, which has an odd number of pixels on a side;
    near 0: its standard deviation is far above PLAIN_SD. At the border, windows are cut off.
    """
    centered = lightness - lightness.mean(dim=(2, 3), keepdim=True)  # for precise squares
    mean, mean_of_squares = (_window_mean(x, window_px) for x in (centered, centered.square()))
    variance = (mean_of_squares - mean.square()).clamp(min=0)
    return torch.exp(-variance / PLAIN_SD**2)


def _window_mean(x: Tensor, window_px: int) -> Tensor:
    return functional.avg_pool2d(x, window_px, STRIDE, window_px // 2, count_include_pad=False)
