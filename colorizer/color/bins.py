"""The 313 ab bins, and the conversion between colors and distributions over the bins.

Source: Zhang, Isola & Efros 2016, sec. 2.
"""

from math import hypot
from typing import NamedTuple

import torch
from torch import Tensor

from colorizer.color.chunks import iterate_chunks

# The released table (pts_in_hull), by rows: a -> the first and the last b, in steps of 10. It
# cannot be derived from the gamut, because only 261 of the bins are the nearest bin of some 8-bit
# color.
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

# Size of a table cell in ab units. A quarter of the bins' step is exact in floating point, so ties
# between bins remain ties.
CELL_SIZE = 2.5
CELLS_PER_AXIS = 88  # (0, 0) is in the middle
# The table covers -110 to 110 on both axes; sRGB colors lie between -108 and 99.
TABLE_LIMIT = CELLS_PER_AXIS // 2 * CELL_SIZE


def bin_centers() -> Tensor:
    """Return the ab coordinates of the bins (Q, 2), ordered by a, then b; Q = 313."""
    rows = BIN_ROWS.items()
    return torch.tensor(
        [(a, b) for a, (low, high) in rows for b in range(low, high + 1, 10)], dtype=torch.float32
    )


class BinLookupTable(NamedTuple):
    """A grid over the ab plane, with m candidate bins for each cell.

    The k nearest bins of every color in a cell are among the cell's candidates.
    bin_centers (Q, 2): ab. candidates (CELLS_PER_AXIS^2, m): indices of bins, cells ordered by a,
    then b. candidate_centers (2, CELLS_PER_AXIS^2, m): their a, then their b. neighbors: k.
    """

    bin_centers: Tensor
    candidates: Tensor
    candidate_centers: Tensor
    neighbors: int


def build_lookup_table(bins: Tensor, neighbors: int = 5) -> BinLookupTable:
    """Build the lookup table of bins (Q, 2), on their device.

    neighbors: k, 5 in the paper and 10 in the released Caffe code. The number of candidates m
    follows from the geometry; it is 7 for k = 5.
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
    candidates = within_reach.gather(1, fewest)
    candidate_centers = bins[candidates].movedim(-1, 0).contiguous()
    return BinLookupTable(bins, candidates, candidate_centers, neighbors)


def soft_encode(ab: Tensor, table: BinLookupTable, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
    """Encode colors ab (P, 2) as weights of their nearest bins.

    Returns the k nearest bins (P, k), nearest first, and their weights (P, k), which sum to 1.
    sigma: standard deviation of the Gaussian, in ab units. The order of equally distant bins is
    undefined. The weights of sRGB colors are within 1e-6 of a float64 computation.
    """
    # All sRGB colors lie inside the table. Written as `all(... < ...)` so that NaN takes the slow
    # path.
    find_nearest = _look_up if (ab.abs() < TABLE_LIMIT).all() else _search
    squared, nearest = find_nearest(ab, table)
    return nearest, _gaussian(squared, sigma).to(ab.dtype)


def annealed_mean(logits: Tensor, bins: Tensor, temperature: float) -> Tensor:
    """Return the mean color ab (N, 2, H, W) under softmax(logits / temperature) (eq. 5).

    logits (N, Q, H, W); bins (Q, 2). Temperature 1 gives the mean, which is smooth but drab;
    a temperature near 0 gives the mode, which is vivid but patchy. The paper uses 0.38.
    Computed in float32; fast if the logits are in channels_last order, as the networks return them.
    """
    n, q, height, width = logits.shape
    means = [
        # The bins are the left factor because a matrix product with two columns is slow.
        bins.T @ (row.float() * (1 / temperature)).softmax(dim=1).T
        for (row,) in iterate_chunks(logits.movedim(1, -1).reshape(-1, q))
    ]
    return torch.cat(means, dim=1).reshape(2, n, height, width).movedim(0, 1)


def _nearest_candidates(middle: Tensor, bins: Tensor, neighbors: int) -> Tensor:
    """Return the M nearest bins (C, M) of each cell, given the middles of the cells (C, 2).

    The distance from the middle to a color in the cell is at most half a diagonal. Therefore a bin
    that is farther from the middle than the k-th bin by more than a diagonal is not among the k
    nearest bins of any color in the cell.
    """
    distance, order = _distances(middle, bins).sort(dim=1)
    reach = distance[:, neighbors - 1 : neighbors] + hypot(CELL_SIZE, CELL_SIZE)
    return order[:, : int((distance <= reach).sum(dim=1).max())]


def _count_dominators(corner: Tensor, bins: Tensor) -> Tensor:
    """Return the number of bins that dominate each bin (C, M).

    corner (C, 2): the low corners of the cells; bins (C, M, 2). One bin dominates another if it is
    at least as near at all four corners of the cell. The points that are nearer to one of two bins
    form a half-plane, so it is then at least as near in the whole cell. A bin with k dominators can
    be dropped, because k other bins are never farther away.
    """
    steps = torch.tensor([0, CELL_SIZE], dtype=corner.dtype, device=corner.device)
    corners = corner[:, None] + torch.cartesian_prod(steps, steps)  # (C, 4, 2)
    squared = (corners[:, :, None] - bins[:, None]).square().sum(dim=3)  # (C, 4, M)
    dominates = (squared[:, :, :, None] <= squared[:, :, None, :]).all(dim=1)  # (C, M, M)
    return dominates.sum(dim=1) - 1  # every bin dominates itself


def _look_up(ab: Tensor, table: BinLookupTable) -> tuple[Tensor, Tensor]:
    """Look up the k nearest bins of colors ab (P, 2), all of which lie inside the table.

    Returns squared distances (P, k) and bins (P, k), nearest first.
    """
    a_index, b_index = (ab / CELL_SIZE).floor().unbind(dim=1)
    cell = (a_index * CELLS_PER_AXIS + b_index + CELLS_PER_AXIS // 2 * (CELLS_PER_AXIS + 1)).long()
    a, b = (
        x[:, None] - center.index_select(0, cell)
        for x, center in zip(ab.unbind(dim=1), table.candidate_centers, strict=True)
    )  # each (P, m)
    # For so few candidates, sorting is faster than topk.
    squared, order = a.square_().add_(b.square_()).sort(dim=1)
    nearest = table.candidates.index_select(0, cell).gather(1, order[:, : table.neighbors])
    return squared[:, : table.neighbors], nearest


def _search(ab: Tensor, table: BinLookupTable) -> tuple[Tensor, Tensor]:
    """Search all bins for the k nearest ones of any colors ab (P, 2); returns as `_look_up`.

    Uses float64, because far from the bins the distances differ only slightly.
    """
    distance = _distances(ab.double(), table.bin_centers.double())
    nearest, order = distance.topk(table.neighbors, dim=1, largest=False)
    return nearest.square(), order


def _distances(ab: Tensor, bins: Tensor) -> Tensor:
    """Return the distances (P, Q) between colors ab (P, 2) and bins (Q, 2).

    Computed from differences, because the faster matrix product loses precision.
    """
    return torch.cdist(ab, bins, compute_mode="donot_use_mm_for_euclid_dist")


def _gaussian(squared: Tensor, sigma: float) -> Tensor:
    """Return the Gaussian weights (P, k) of squared distances (P, k), which are sorted by row."""
    # Written by columns instead of torch's softmax, which is very slow for so few values per row.
    columns = squared.T.contiguous()
    weight = ((columns[:1] - columns) / (2 * sigma**2)).exp_()
    return (weight / weight.sum(dim=0)).T
