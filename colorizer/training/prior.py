"""The color prior: how common each color bin is, and its weight in the loss.

Source: Zhang et al. 2016, sec. 2.2.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.files import atomic_write
from colorizer.photos.reading import read_squares
from colorizer.photos.splits import INSPECTION_PX, Photograph
from colorizer.training.photo_cache import to_targets

HISTOGRAM_CELL = 0.5  # ab units; gray, (0, 0), is the center of a cell
# Cells along each axis, which cover -120 to 120; sRGB colors lie between -108 and 99.
HISTOGRAM_CELLS = int(240 / HISTOGRAM_CELL) + 1
UNIFORM_SHARE = 0.5  # the paper's lambda


class ColorPrior(NamedTuple):
    """The probability and the loss weight of each bin, estimated by `colorizer prior`."""

    probability: Tensor  # (Q,), sums to 1
    weight: Tensor  # (Q,), mean 1 under the probability
    photograph_count: int


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


def rebalancing_weights(probability: Tensor, uniform_share: float = UNIFORM_SHARE) -> Tensor:
    """Return the loss weights (Q,): 1 / ((1 - share) p + share u), with mean 1 under p (eq. 4).

    probability (Q,): p. uniform_share: the paper's lambda, in [0, 1]; 1 gives all colors the same
    weight (the paper's "class" variant), 0 gives them weights 1 / p. u: the uniform distribution
    over the bins that occur. Bins that never occur get the largest weight.
    """
    occurs = probability > 0
    mixed = (1 - uniform_share) * probability + uniform_share * occurs / occurs.sum()
    weight = torch.where(occurs, 1 / mixed, 1 / mixed[occurs].min())
    return weight / (probability * weight).sum()


def write_prior(path: Path, prior: ColorPrior) -> None:
    """Write a prior as an .npz with `probability`, `weight`, `bins` and `photographs`."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            probability=prior.probability.numpy(),
            weight=prior.weight.numpy(),
            bins=bin_centers().numpy(),
            photographs=prior.photograph_count,
        )


def read_prior(path: Path) -> ColorPrior:
    """Read a prior; raises ColorizerError if it is missing, damaged or has different bins."""
    if not path.exists():
        raise ColorizerError(f"{path}: no prior yet; run `colorizer prior` first")
    try:
        with path.open("rb") as file, np.load(file) as stored:
            probability, weight = stored["probability"], stored["weight"]
            photographs = int(stored["photographs"])
            same_bins = np.array_equal(stored["bins"], bin_centers().numpy())
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise ColorizerError(
            f"{path}: not a prior ({error}); run `colorizer prior` again"
        ) from error
    if not same_bins:
        raise ColorizerError(f"{path}: this prior has different bins; run `colorizer prior` again")
    for values in (probability, weight):
        if values.shape != (len(bin_centers()),) or not np.isfinite(values).all():
            raise ColorizerError(
                f"{path}: its values are not one finite number per bin; run `colorizer prior` again"
            )
    return ColorPrior(torch.from_numpy(probability), torch.from_numpy(weight), photographs)
