from itertools import pairwise

import numpy as np
import pytest
import torch

from colorizer.bins import bin_centers, soft_encode


def test_the_bins_are_the_313_of_the_released_table() -> None:
    bins = bin_centers()
    assert bins.shape == (313, 2)
    assert bins[:5].tolist() == [[-90, 50], [-90, 60], [-90, 70], [-90, 80], [-90, 90]]
    assert bins[-10:].tolist() == [[100, b] for b in range(-90, 10, 10)]
    pairs = bins.tolist()
    assert all(a < b for a, b in pairwise(pairs))  # a-major and ascending, none twice


@pytest.mark.parametrize("neighbors", [5, 10])
def test_soft_encoding_equals_the_gaussian_of_the_nearest_bins(neighbors: int) -> None:
    colors = np.random.default_rng(0).uniform(-100, 100, (200, 2))
    squared = ((colors[:, None] - bin_centers().numpy().astype(float)) ** 2).sum(axis=2)
    order = np.argsort(squared, axis=1)[:, :neighbors]
    weight = np.exp(-np.take_along_axis(squared, order, axis=1) / (2 * 5.0**2))
    expected = np.zeros((200, 313))
    np.put_along_axis(expected, order, weight / weight.sum(axis=1, keepdims=True), axis=1)

    nearest, share = soft_encode(torch.tensor(colors).float(), bin_centers(), neighbors)
    dense = torch.zeros(200, 313).scatter(1, nearest, share)
    np.testing.assert_allclose(dense.numpy(), expected, atol=2e-5)


def test_the_nearest_bin_comes_first() -> None:
    bins = bin_centers()
    nearest, _ = soft_encode(bins + 1.0, bins)
    assert nearest[:, 0].tolist() == list(range(313))
