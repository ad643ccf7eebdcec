"""The 313 ab bins; colors to shares of them and back (Zhang, Isola & Efros 2016, sec. 2)."""

from math import hypot
from typing import NamedTuple

import torch
from torch import Tensor

from colorizer.color.chunks import iterate_chunks

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

CELL_SIZE = 2.5  # ab units; halves and quarters of the bins' step are exact, so ties stay ties
CELLS_PER_AXIS = 88  # along an axis, 0 in the middle
# the table covers +-110; all of sRGB, -108 to 99, lies within
TABLE_LIMIT = CELLS_PER_AXIS // 2 * CELL_SIZE


def bin_centers() -> Tensor:
    """ab of the bins (Q, 2), a-major; Q = 313"""
    rows = BIN_ROWS.items()
    return torch.tensor(
        [(a, b) for a, (low, high) in rows for b in range(low, high + 1, 10)], dtype=torch.float32
    )


class BinLookupTable(NamedTuple):
    """For each cell of the ab plane the m bins that hold the k nearest of every color in it."""

    bin_centers: Tensor  # (Q, 2), ab of the centers
    candidates: Tensor  # (CELLS_PER_AXIS^2, m), which bins, cells a-major
    candidate_centers: Tensor  # (2, CELLS_PER_AXIS^2, m), their a, then their b
    neighbors: int  # k


def build_lookup_table(bins: Tensor, neighbors: int = 5) -> BinLookupTable:
    """bins (Q, 2) -> the table on their device; m is what the geometry asks for: 7 at k = 5

    neighbors: k, 5 in the paper (the released Caffe code has 10).
    """
    low = (
        torch.arange(CELLS_PER_AXIS, dtype=torch.float64, device=bins.device) * CELL_SIZE
        - TABLE_LIMIT
    )
    corner = torch.cartesian_prod(low, low)
    within_reach = _nearest_candidates(corner + CELL_SIZE / 2, bins.double(), neighbors)
    dominators = _count_dominators(corner, bins.double()[within_reach])
    max_candidates = int((dominators < neighbors).sum(dim=1).max())
    fewest = dominators.topk(max_candidates, dim=1, largest=False).indices
    nearby = within_reach.gather(1, fewest)
    return BinLookupTable(bins, nearby, bins[nearby].movedim(-1, 0).contiguous(), neighbors)


def soft_encode(ab: Tensor, table: BinLookupTable, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
    """ab (P, 2) -> the nearest bins (P, k), nearest first, and their shares (P, k), summing to 1

    sigma: of the Gaussian, ab units. Of bins equally far either may come first, or be the last
    taken. Shares of sRGB colors are within 1e-6 of float64's.
    """
    # Targets, colors of sRGB, are all in the table. Put so that NaN is not.
    find = _look_up if (ab.abs() < TABLE_LIMIT).all() else _search
    squared, nearest = find(ab, table)
    return nearest, _gaussian(squared, sigma).to(ab.dtype)


def annealed_mean(logits: Tensor, bins: Tensor, temperature: float) -> Tensor:
    """logits (N, Q, H, W), bins (Q, 2) -> ab (N, 2, H, W), their mean under softmax(logits / T)

    Temperature 1: the mean, smooth but drab; near 0: the mode, vivid but patchy (eq. 5, which has
    0.38). In float32; quick where the logits are in channels_last, as the networks give them.
    """
    n, q, height, width = logits.shape
    means = [
        # The centers first: a product whose result is two numbers wide is slow.
        bins.T @ (row.float() * (1 / temperature)).softmax(dim=1).T
        for (row,) in iterate_chunks(logits.movedim(1, -1).reshape(-1, q))
    ]
    return torch.cat(means, dim=1).reshape(2, n, height, width).movedim(0, 1)


def _nearest_candidates(middle: Tensor, bins: Tensor, neighbors: int) -> Tensor:
    """middle of the cells (C, 2) -> for each its M nearest bins (C, M), all that can matter

    From the middle to a color in the cell is at most half a diagonal. So a bin farther from the
    middle than the k-th by a whole diagonal is farther from every color in the cell than k others.
    """
    distance, order = _distances(middle, bins).sort(dim=1)
    reach = distance[:, neighbors - 1 : neighbors] + hypot(CELL_SIZE, CELL_SIZE)
    return order[:, : int((distance <= reach).sum(dim=1).max())]


def _count_dominators(corner: Tensor, bins: Tensor) -> Tensor:
    """low corner of the cells (C, 2), bins (C, M, 2) -> how many of the others dominate each (C, M)

    One bin dominates another if it is as near or nearer at all four corners. Being nearer to one
    of two points is a half-plane, so it then is throughout the cell, and a bin with k dominators
    can be left out: k others are never farther away.
    """
    steps = torch.tensor([0, CELL_SIZE], dtype=corner.dtype, device=corner.device)
    corners = corner[:, None] + torch.cartesian_prod(steps, steps)  # (C, 4, 2)
    squared = (corners[:, :, None] - bins[:, None]).square().sum(dim=3)  # (C, 4, M)
    dominates = (squared[:, :, :, None] <= squared[:, :, None, :]).all(dim=1)  # (C, M, M)
    return dominates.sum(dim=1) - 1  # each is as near as itself


def _look_up(ab: Tensor, table: BinLookupTable) -> tuple[Tensor, Tensor]:
    """ab (P, 2) within the table -> squared distances (P, k) and bins (P, k), nearest first"""
    a_index, b_index = (ab / CELL_SIZE).floor().unbind(dim=1)
    cell = (a_index * CELLS_PER_AXIS + b_index + CELLS_PER_AXIS // 2 * (CELLS_PER_AXIS + 1)).long()
    a, b = (
        x[:, None] - center.index_select(0, cell)
        for x, center in zip(ab.unbind(dim=1), table.candidate_centers, strict=True)
    )  # each (P, m)
    squared, order = a.square_().add_(b.square_()).sort(dim=1)  # of so few quicker than topk
    nearest = table.candidates.index_select(0, cell).gather(1, order[:, : table.neighbors])
    return squared[:, : table.neighbors], nearest


def _search(ab: Tensor, table: BinLookupTable) -> tuple[Tensor, Tensor]:
    """The same among all bins, for any ab, in float64: far away small differences decide"""
    distance = _distances(ab.double(), table.bin_centers.double())
    nearest, order = distance.topk(table.neighbors, dim=1, largest=False)
    return nearest.square(), order


def _distances(ab: Tensor, bins: Tensor) -> Tensor:
    """ab (P, 2), bins (Q, 2) -> (P, Q); by differences: the usual matrix product loses digits"""
    return torch.cdist(ab, bins, compute_mode="donot_use_mm_for_euclid_dist")


def _gaussian(squared: Tensor, sigma: float) -> Tensor:
    """squared distances (P, k), the least first -> shares (P, k)"""
    # Not torch's softmax, and in columns: over so few it takes longer than all the rest together.
    columns = squared.T.contiguous()
    weight = ((columns[:1] - columns) / (2 * sigma**2)).exp_()
    return (weight / weight.sum(dim=0)).T
