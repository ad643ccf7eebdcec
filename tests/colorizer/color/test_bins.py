from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
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
    """Return dense weights (P, 313) in float64, with neighbors found by scikit-learn."""
    from sklearn.neighbors import NearestNeighbors  # which every worker would import

    search = NearestNeighbors(n_neighbors=neighbors).fit(bin_centers().double().numpy())
    distance, nearest = search.kneighbors(ab.double().numpy())
    weight = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * SIGMA**2))
    dense = np.zeros((len(ab), 313))
    np.put_along_axis(dense, nearest, weight / weight.sum(axis=1, keepdims=True), axis=1)
    return dense


def to_dense(nearest: Tensor, weights: Tensor) -> NDArray[np.float64]:
    return torch.zeros(len(nearest), 313).scatter(1, nearest, weights).double().numpy()


def test_the_bins_match_the_313_of_the_released_table() -> None:
    bins = bin_centers()
    assert bins.shape == (313, 2)
    assert bins[:5].tolist() == [[-90, 50], [-90, 60], [-90, 70], [-90, 80], [-90, 90]]
    assert bins[-10:].tolist() == [[100, b] for b in range(-90, 10, 10)]
    pairs = bins.tolist()
    assert all(a < b for a, b in pairwise(pairs))  # ordered by a, then b, without repeats


@pytest.mark.slow(0.6)
@pytest.mark.parametrize("neighbors", [5, 10])
def test_soft_encoding_agrees_with_scikit_learn(neighbors: int) -> None:
    ab = targets(20_000, seed=0)
    encoded = soft_encode(ab, build_lookup_table(bin_centers(), neighbors))
    expected = encode_by_search(ab, neighbors)
    np.testing.assert_allclose(to_dense(*encoded), expected, rtol=0, atol=1e-6)


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("reach", [TABLE_LIMIT, 3 * TABLE_LIMIT])
def test_colors_outside_srgb_are_encoded(reach: float) -> None:
    uniform = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(0))
    ab = (2 * uniform - 1) * reach
    encoded = soft_encode(ab, build_lookup_table(bin_centers()))
    np.testing.assert_allclose(to_dense(*encoded), encode_by_search(ab, 5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("neighbors", "candidates"), [(5, 7), (10, 13)])
def test_each_cell_keeps_only_the_candidates_that_its_geometry_requires(
    neighbors: int, candidates: int
) -> None:
    assert build_lookup_table(bin_centers(), neighbors).candidates.shape[1] == candidates


def test_the_lookup_table_covers_srgb() -> None:
    assert srgb_grid(levels=32)[:, 1:].abs().max() < TABLE_LIMIT


@pytest.mark.slow(1)
def test_bins_equally_near_to_a_color_get_equal_weights() -> None:
    table = build_lookup_table(bin_centers())
    nearest, weights = soft_encode(torch.tensor([[5.0, 0.0], [-5.0, -5.0]]), table)
    assert bin_centers()[nearest[0, :2]].sort(dim=0).values.tolist() == [[0, 0], [10, 0]]
    torch.testing.assert_close(weights[0, 0], weights[0, 1])
    torch.testing.assert_close(weights[1, :4], weights[1, :1].expand(4))


def test_nan_colors_get_nan_weights() -> None:
    _, weights = soft_encode(torch.tensor([[0.0, float("nan")]]), build_lookup_table(bin_centers()))
    assert weights.isnan().all()


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


@pytest.mark.slow(0.9)
def test_at_temperatures_near_0_the_annealed_mean_is_the_mode() -> None:
    logits = torch.randn(1, 313, 4, 4, generator=torch.Generator().manual_seed(0))
    mode = bin_centers()[logits.argmax(dim=1)].movedim(-1, 1)
    torch.testing.assert_close(annealed_mean(logits, bin_centers(), 1e-4), mode)
