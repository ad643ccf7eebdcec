"""Quantiles of values that are counted instead of listed."""

from collections.abc import Sequence

import numpy as np

from analysis.trials import FloatArray, IntArray


def find_quantiles(values: FloatArray, counts: IntArray, shares: Sequence[float]) -> list[float]:
    """Return the quantiles that `numpy.quantile` gives for each value as often as it is counted.

    values (n,): in ascending order; counts (n,): not all 0.
    """
    ends = np.cumsum(counts)
    places = np.array(shares) * (ends[-1] - 1)
    before = np.floor(places).astype(np.int64)
    low, high = (
        values[np.searchsorted(ends, np.minimum(place, ends[-1] - 1), side="right")]
        for place in (before, before + 1)
    )
    part, step = places - before, high - low
    quantiles: list[float] = np.where(
        part < 0.5, low + step * part, high - step * (1 - part)
    ).tolist()
    return quantiles
