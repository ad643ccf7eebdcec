"""Decide if a photograph has colors: gray and one-hue photographs have none to remove."""

import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.color.spaces import from_bytes, rgb_to_lab

# An image without |a| or |b| above this is gray (from the code released by Zhang et al.).
MAX_GRAY_AB = 5.0


def is_gray(pixels: NDArray[np.uint8]) -> bool:
    """Return True if no |a| or |b| of pixels (H, W, 3) is above MAX_GRAY_AB.

    For speed, only one pixel in 16 is checked.
    """
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::4, ::4])))
    return bool(lab[:, 1:].abs().max() <= MAX_GRAY_AB)
