"""Colors for testing the color formulas."""

import torch
from torch import Tensor

from colorizer.color.spaces import rgb_to_lab


def srgb_grid(levels: int) -> Tensor:
    """Return Lab (levels^3, 3) of an sRGB grid with `levels` 8-bit levels per channel.

    The grid includes black and white.
    """
    level = torch.linspace(0, 255, levels).round() / 255
    return rgb_to_lab(torch.cartesian_prod(level, level, level))


def targets(count: int, seed: int) -> Tensor:
    """Return ab (count, 2) of random 8-bit colors."""
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.randint(256, (count, 3), generator=generator) / 255
    return rgb_to_lab(rgb)[:, 1:]
