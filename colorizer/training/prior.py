"""Estimate the color prior from the training photographs.

Source: Zhang et al. 2016, sec. 2.2.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.color.prior import UNIFORM_SHARE, ColorPrior, rebalancing_weights
from colorizer.errors import UnreadablePhotographError
from colorizer.photos.reading import read_squares
from colorizer.splits.assignment import INSPECTION_PX
from colorizer.splits.split_file import Photograph
from colorizer.training.photo_cache import to_targets

HISTOGRAM_CELL = 0.5  # ab units; gray, (0, 0), is the center of a cell
# Cells along each axis, which cover -120 to 120; sRGB colors lie between -108 and 99.
HISTOGRAM_CELLS = int(240 / HISTOGRAM_CELL) + 1


def count_target_colors(
    photographs: Sequence[Photograph], device: torch.device
) -> Iterator[Tensor | UnreadablePhotographError]:
    """Yield the color counts of each photograph's training targets, as `count_colors` does.

    Yields the error for a photograph that cannot be read.
    """
    for _, square in read_squares((p.path for p in photographs), INSPECTION_PX):
        if isinstance(square, UnreadablePhotographError):
            yield square
        else:
            ab = to_targets(torch.tensor(square, device=device)[None])
            yield count_colors(ab[0].flatten(1).T)


def count_colors(ab: Tensor) -> Tensor:
    """Count colors ab (P, 2) in cells of HISTOGRAM_CELL units; returns (CELLS, CELLS), a then b.

    It is much faster to encode these cells than millions of pixels.
    """
    cells = ((ab / HISTOGRAM_CELL).round() + HISTOGRAM_CELLS // 2).long()
    flat = cells[:, 0] * HISTOGRAM_CELLS + cells[:, 1]
    return torch.bincount(flat, minlength=HISTOGRAM_CELLS**2).reshape(
        HISTOGRAM_CELLS, HISTOGRAM_CELLS
    )


def estimate_prior(
    counts: Tensor, photograph_count: int, uniform_share: float = UNIFORM_SHARE
) -> ColorPrior:
    """Estimate the prior, the mean soft-encoded pixel, from counts (CELLS, CELLS).

    photograph_count: the number of photographs in the counts. uniform_share: as in
    `rebalancing_weights`.
    """
    bins, occupied = bin_centers(), counts.nonzero()
    pixels = counts[occupied[:, 0], occupied[:, 1]].double()
    nearest, share = soft_encode(
        (occupied - HISTOGRAM_CELLS // 2) * HISTOGRAM_CELL, build_lookup_table(bins)
    )
    mass = torch.zeros(len(bins), dtype=torch.float64)
    mass.index_add_(0, nearest.flatten(), (share * pixels[:, None]).flatten())
    probability = mass / mass.sum()
    return ColorPrior(
        probability.float(),
        rebalancing_weights(probability, uniform_share).float(),
        photograph_count,
    )
