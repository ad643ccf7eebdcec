"""Measure colors where they show most: on plain ground, such as a white wall or a clear sky.

The ground is found in the photograph, so it is the same for all methods. docs/colorization.md gives
the definitions.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from colorizer.color.plainness import STRIDE, plainness

WINDOW_PX = 13  # window in which plainness is measured
MIN_PLAINNESS = 0.5  # a standard deviation of L of at most 1.25
GRAY_CHROMA = 5.0  # the photograph's chroma is at most this where the ground is gray
MIN_SHARE = 0.01  # photographs with a smaller share of plain ground are not measured
PATCH_WINDOW = 17  # samples at every fourth pixel, so 65 px


class PlainGround(NamedTuple):
    """Masks (H / 4, W / 4) of the plain ground of a photograph, at every fourth pixel.

    plain: lightness is nearly constant around the sample. gray: the sample is also nearly gray.
    """

    plain: Tensor
    gray: Tensor


def find_plain_ground(lab: Tensor) -> PlainGround:
    """Find the plain ground of a photograph (1, 3, H, W) in Lab."""
    plain = plainness(lab[:, :1], WINDOW_PX)[0, 0] >= MIN_PLAINNESS
    chroma = torch.hypot(*_sample_ab(lab))
    return PlainGround(plain, plain & (chroma <= GRAY_CHROMA))


def is_measurable(mask: Tensor) -> bool:
    """Return True if a mask covers enough of a photograph for a mean over it."""
    return bool(mask.float().mean() >= MIN_SHARE)


def chroma_on_gray_ground(lab: Tensor, ground: PlainGround) -> float:
    """Return the mean chroma of an image (1, 3, H, W) in Lab on the gray ground of a photograph.

    A colorizer that paints clouds on a white wall has a high value; the photograph's own is low.
    """
    return float(torch.hypot(*_sample_ab(lab))[ground.gray].mean())


def patchiness(lab: Tensor, ground: PlainGround) -> float:
    """Return how much the color of an image (1, 3, H, W) in Lab varies within plain ground.

    At each sample of plain ground, the standard deviation of ab over the plain samples in a window
    around it, sqrt(var a + var b); the value is the mean over these samples.
    """
    ab, plain = _sample_ab(lab).double(), ground.plain.double()
    center = (ab * plain).flatten(1).sum(dim=1) / plain.sum()  # for precise squares
    centered = ab - center[:, None, None]
    sums = torch.cat([plain[None], centered * plain, centered.square() * plain])
    share, mean, mean_of_squares = functional.avg_pool2d(
        sums[None], PATCH_WINDOW, 1, PATCH_WINDOW // 2
    )[0].split([1, 2, 2])
    share = share.clamp(min=torch.finfo(share.dtype).tiny)  # 0 only where no sample is plain
    variance = (mean_of_squares / share - (mean / share).square()).clamp(min=0).sum(dim=0)
    return float(variance.sqrt()[ground.plain].mean())


def _sample_ab(lab: Tensor) -> Tensor:
    """Return ab (2, H / 4, W / 4) at the pixels where plainness is measured."""
    return lab[0, 1:, ::STRIDE, ::STRIDE]
