"""How common each color is, and what that makes a pixel weigh (Zhang et al. 2016, sec. 2.2)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.photos.reading import UnreadablePhotographError, read_squares
from colorizer.photos.splits import INSPECTION_PX, Photograph
from colorizer.training.photo_cache import to_targets

HISTOGRAM_CELL = 0.5  # ab units; gray, (0, 0), is the center of a cell
# along an axis; all of sRGB, -108 to 99, lies within +-120
HISTOGRAM_CELLS = int(240 / HISTOGRAM_CELL) + 1
UNIFORM_SHARE = 0.5  # the paper's lambda


class ColorPrior(NamedTuple):
    """Of the bins in photographs; written by `colorizer prior`."""

    probability: Tensor  # (Q,), sums to 1
    weight: Tensor  # (Q,), mean 1 under the probability
    photograph_count: int


def count_target_colors(
    photographs: Sequence[Photograph], device: torch.device
) -> Iterator[Tensor | UnreadablePhotographError]:
    """For each photograph the colors of its targets, as `count_colors` has them."""
    for _, square in read_squares((p.path for p in photographs), INSPECTION_PX):
        if isinstance(square, UnreadablePhotographError):
            yield square
        else:
            ab = to_targets(torch.tensor(square, device=device)[None])
            yield count_colors(ab[0].flatten(1).T)


def count_colors(ab: Tensor) -> Tensor:
    """ab (P, 2) -> pixels in each cell of HISTOGRAM_CELL units, (CELLS, CELLS), a then b

    Encoding cells instead of pixels makes a prior of millions of pixels one small product.
    """
    cells = ((ab / HISTOGRAM_CELL).round() + HISTOGRAM_CELLS // 2).long()
    flat = cells[:, 0] * HISTOGRAM_CELLS + cells[:, 1]
    return torch.bincount(flat, minlength=HISTOGRAM_CELLS**2).reshape(
        HISTOGRAM_CELLS, HISTOGRAM_CELLS
    )


def estimate_prior(
    counts: Tensor, photograph_count: int, uniform_share: float = UNIFORM_SHARE
) -> ColorPrior:
    """Counts (CELLS, CELLS) of so many photographs -> the mean soft-encoded pixel, and weights

    uniform_share: as `rebalancing_weights` has it.
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
    """p (Q,) -> weights (Q,): 1 / ((1 - share) p + share u), mean 1 under p (eq. 4)

    uniform_share: the paper's lambda in [0, 1]; at 1 all weigh the same (its "class" variant), at 0
    a color as much as it is rare. u: uniform over the bins that occur. A bin that does not gets
    the largest weight.
    """
    occurs = probability > 0
    mixed = (1 - uniform_share) * probability + uniform_share * occurs / occurs.sum()
    weight = torch.where(occurs, 1 / mixed, 1 / mixed[occurs].min())
    return weight / (probability * weight).sum()


def write_prior(path: Path, prior: ColorPrior) -> None:
    """Store a prior as an .npz of `probability`, `weight`, `bins` and `photographs`."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            probability=prior.probability.numpy(),
            weight=prior.weight.numpy(),
            bins=bin_centers().numpy(),
            photographs=prior.photograph_count,
        )


def read_prior(path: Path) -> ColorPrior:
    """Raises ColorizerError where there is no prior, or one of other bins."""
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
        raise ColorizerError(f"{path}: a prior of other bins; run `colorizer prior` again")
    return ColorPrior(torch.from_numpy(probability), torch.from_numpy(weight), photographs)
