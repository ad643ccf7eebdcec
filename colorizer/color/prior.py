"""The color prior: how common each color bin is, and its weight in the loss.

Source: Zhang et al. 2016, sec. 2.2.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.color.bins import bin_centers
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write

UNIFORM_SHARE = 0.5  # the paper's lambda


class ColorPrior(NamedTuple):
    """The probability and the loss weight of each bin, estimated by `colorizer prior`."""

    probability: Tensor  # (Q,), sums to 1
    weight: Tensor  # (Q,), mean 1 under the probability
    photograph_count: int


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
    if not all(has_value_per_bin(values) for values in (probability, weight)):
        raise ColorizerError(
            f"{path}: its values are not one finite number per bin; run `colorizer prior` again"
        )
    return ColorPrior(torch.from_numpy(probability), torch.from_numpy(weight), photographs)


def to_tensors(prior: ColorPrior) -> dict[str, Tensor]:
    """Return a prior as tensors by name, to store it in a model file."""
    return {**prior._asdict(), "photograph_count": torch.tensor(prior.photograph_count)}


def from_tensors(tensors: Mapping[str, Tensor], source: str) -> ColorPrior:
    """Return the prior that `to_tensors` stored.

    source: named in the error. Raises ColorizerError if a tensor is missing or has wrong values.
    """
    if set(tensors) != set(ColorPrior._fields):
        raise ColorizerError(f"{source}: its color prior is incomplete; use another file")
    probability, weight = tensors["probability"], tensors["weight"]
    if not all(has_value_per_bin(values.numpy()) for values in (probability, weight)):
        raise ColorizerError(
            f"{source}: its color prior is not one finite number per bin; use another file"
        )
    return ColorPrior(probability, weight, int(tensors["photograph_count"]))


def has_value_per_bin(values: NDArray[np.float32]) -> bool:
    """Return whether an array has one finite number for each bin."""
    return values.shape == (len(bin_centers()),) and bool(np.isfinite(values).all())
