"""Tests of quantiles of counted values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.checks.histograms import find_quantiles

SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_counted_values_have_the_quantiles_of_listed_ones(listed: list[int]) -> None:
    values, counts = np.unique(np.array(listed, dtype=np.float64) / 3, return_counts=True)
    expected = np.quantile(np.array(listed) / 3, SHARES)
    assert find_quantiles(values, counts, SHARES) == pytest.approx(expected, abs=1e-14)
