"""Tests that a few clusters have the sums of squares of many."""

import numpy as np
import pytest

from analysis.counted.trials import PARTICIPANT
from analysis.large.trends import sum_up_clusters
from analysis.trials import FloatArray

NAMES = frozenset({PARTICIPANT})
PAIRS = {
    "many": np.random.default_rng(0).integers(0, 9, (40, 2)),
    "one": np.array([[2, 3]]),
    "one without x": np.array([[0, 3]]),
    "one with opposite signs": np.array([[2, -3]]),
    "many without x": np.array([[0, 3], [0, 1], [0, 7]]),
}


def list_squares(pairs: FloatArray) -> list[float]:
    x, y = pairs.T.astype(np.float64)
    return [len(pairs), x @ x, x @ y, y @ y]


@pytest.mark.parametrize("name", PAIRS)
def test_a_few_clusters_have_the_sums_of_squares_of_all(name: str) -> None:
    pairs = PAIRS[name]
    rows = [(-1 if name.endswith("without x") else 0, 1)]
    factor = sum_up_clusters(NAMES, [list_squares(pairs)], rows, {})
    for values in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.3, -0.8])):
        expected = float(((pairs @ values) ** 2).sum())
        assert factor.sum_of_squares(values) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert factor.count_levels() == len(pairs)


def test_each_pair_of_rows_has_its_own_clusters() -> None:
    squares = [list_squares(PAIRS["many"]), list_squares(PAIRS["one"])]
    factor = sum_up_clusters(NAMES, squares, [(0, 1), (2, 3)], {})
    chosen = np.array([False, False, True, True])
    assert (factor.count_levels(chosen), factor.count_levels(~chosen)) == (1, 40)
    assert factor.sum_of_squares(np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(25)
