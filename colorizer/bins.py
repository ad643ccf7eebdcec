"""The 313 ab bins and soft encoding (Zhang, Isola & Efros 2016, sec. 2.2)."""

import torch
from torch import Tensor

# The released table (pts_in_hull), in rows: a -> the first and last b, step 10. It cannot be
# derived from the gamut: only 261 of the bins are ever nearest to an 8-bit color.
BIN_ROWS = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}


def bin_centers() -> Tensor:
    """ab of the bins (Q, 2), a-major; Q = 313"""
    rows = BIN_ROWS.items()
    return torch.tensor(
        [(a, b) for a, (low, high) in rows for b in range(low, high + 1, 10)], dtype=torch.float32
    )


def soft_encode(
    ab: Tensor, bins: Tensor, neighbors: int = 5, sigma: float = 5.0
) -> tuple[Tensor, Tensor]:
    """ab (P, 2) -> the nearest bins (P, k), nearest first, and their shares (P, k), summing to 1

    neighbors: 5 in the paper (the released Caffe code has 10). sigma: of the Gaussian, ab units.
    """
    distance, nearest = torch.cdist(ab, bins).topk(neighbors, dim=1, largest=False)
    return nearest, (-(distance**2) / (2 * sigma**2)).softmax(dim=1)
