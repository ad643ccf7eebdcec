from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from colorizer.color.bins import (
    TABLE_LIMIT,
    annealed_mean,
    bin_centers,
    build_lookup_table,
    soft_encode,
)
from tests.colorizer.colors import srgb_grid, targets

SIGMA = 5.0


def encode_by_search(ab: Tensor, neighbors: int) -> NDArray[np.float64]:
    """Dense shares (P, 313) in float64, the neighbors by scikit-learn"""
    search = NearestNeighbors(n_neighbors=neighbors).fit(bin_centers().double().numpy())
    distance, nearest = search.kneighbors(ab.double().numpy())
    weight = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * SIGMA**2))
    dense = np.zeros((len(ab), 313))
    np.put_along_axis(dense, nearest, weight / weight.sum(axis=1, keepdims=True), axis=1)
    return dense


def spread(nearest: Tensor, share: Tensor) -> NDArray[np.float64]:
    return torch.zeros(len(nearest), 313).scatter(1, nearest, share).double().numpy()


def test_the_bins_are_the_313_of_the_released_table() -> None:
    bins = bin_centers()
    assert bins.shape == (313, 2)
    assert bins[:5].tolist() == [[-90, 50], [-90, 60], [-90, 70], [-90, 80], [-90, 90]]
    assert bins[-10:].tolist() == [[100, b] for b in range(-90, 10, 10)]
    pairs = bins.tolist()
    assert all(a < b for a, b in pairwise(pairs))  # a-major and ascending, none twice


@pytest.mark.parametrize("neighbors", [5, 10])
def test_soft_encoding_is_that_of_scikit_learn(neighbors: int) -> None:
    ab = targets(20_000, seed=0)
    encoded = soft_encode(ab, build_lookup_table(bin_centers(), neighbors))
    expected = encode_by_search(ab, neighbors)
    np.testing.assert_allclose(spread(*encoded), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("reach", [TABLE_LIMIT, 3 * TABLE_LIMIT])
def test_colors_that_no_photograph_has_are_encoded_too(reach: float) -> None:
    draw = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(0))
    ab = (2 * draw - 1) * reach
    encoded = soft_encode(ab, build_lookup_table(bin_centers()))
    np.testing.assert_allclose(spread(*encoded), encode_by_search(ab, 5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("neighbors", "candidates"), [(5, 7), (10, 13)])
def test_a_cell_keeps_no_more_bins_than_its_geometry_asks_for(
    neighbors: int, candidates: int
) -> None:
    assert build_lookup_table(bin_centers(), neighbors).candidates.shape[1] == candidates


def test_all_of_srgb_is_in_the_table() -> None:
    assert srgb_grid(levels=32)[:, 1:].abs().max() < TABLE_LIMIT


def test_a_color_halfway_between_bins_has_a_nearest_one_of_them() -> None:
    table = build_lookup_table(bin_centers())
    nearest, share = soft_encode(torch.tensor([[5.0, 0.0], [-5.0, -5.0]]), table)
    assert bin_centers()[nearest[0, :2]].sort(dim=0).values.tolist() == [[0, 0], [10, 0]]
    torch.testing.assert_close(share[0, 0], share[0, 1])
    torch.testing.assert_close(share[1, :4], share[1, :1].expand(4))


def test_what_is_not_a_number_stays_so() -> None:
    _, share = soft_encode(torch.tensor([[0.0, float("nan")]]), build_lookup_table(bin_centers()))
    assert share.isnan().all()


def test_the_nearest_bin_comes_first() -> None:
    bins = bin_centers()
    nearest, _ = soft_encode(bins + 1.0, build_lookup_table(bins))
    assert nearest[:, 0].tolist() == list(range(313))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("temperature", [1.0, 0.38])
def test_the_annealed_mean_is_the_expectation_in_float64(
    temperature: float, layout: torch.memory_format
) -> None:
    logits = torch.randn(2, 313, 15, 20, generator=torch.Generator().manual_seed(0)) * 3
    power = np.exp(logits.double().numpy() / temperature)
    shares = power / power.sum(axis=1, keepdims=True)
    expected = np.einsum("nqhw,qc->nchw", shares, bin_centers().double().numpy())
    ours = annealed_mean(logits.to(memory_format=layout), bin_centers(), temperature)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=1e-4)


def test_near_temperature_0_the_annealed_mean_is_the_mode() -> None:
    logits = torch.randn(1, 313, 4, 4, generator=torch.Generator().manual_seed(0))
    mode = bin_centers()[logits.argmax(dim=1)].movedim(-1, 1)
    torch.testing.assert_close(annealed_mean(logits, bin_centers(), 1e-4), mode)
