"""Sampling variance when the same people and the same images come back trial after trial.

Cameron, Gelbach & Miller 2011: multi-way clustering, each part with its own G / (G - 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.counted.trials import CountedFactor
from analysis.trials import Factor, count_by_cluster, count_clusters, list_levels, sum_by_cluster

Influence = NDArray[np.float64]


def clustered_variance(influence: Influence, codes: Factor) -> float:
    """One-way: G / (G - 1) times the sum over clusters of (sum of influence) squared.

    influence (n,): what each trial adds to the estimate, zero in sum; codes (n,): its cluster.
    Needs at least two clusters.
    """
    clusters = count_clusters(codes)
    return clusters / (clusters - 1) * _sum_of_squares(influence, codes)


def _sum_of_squares(influence: Influence, codes: Factor) -> float:
    """Return the sum over clusters of the squared sum of influence."""
    if isinstance(codes, CountedFactor):
        return codes.sum_of_squares(influence)
    totals = sum_by_cluster(codes, influence)
    return float(totals @ totals)


def intersection_variance(influence: Influence, *factors: Factor) -> float:
    """Return the variance clustered by the distinct combinations of the factors' levels."""
    cell_codes, *others = factors
    if isinstance(cell_codes, CountedFactor):
        counted = [codes for codes in others if isinstance(codes, CountedFactor)]
        return clustered_variance(influence, cell_codes.cross(*counted))
    for codes in others:
        assert not isinstance(codes, CountedFactor)
        cell_codes = cell_codes * (codes.max() + 1) + codes
    if np.diff(np.sort(cell_codes)).all():  # none comes twice: sorting alone is 5 times as fast
        return len(cell_codes) / (len(cell_codes) - 1) * float(influence @ influence)
    return clustered_variance(
        influence, np.unique(cell_codes, return_inverse=True)[1].astype(np.int64)
    )


def multiway_variance(influence: Influence, factors: Sequence[Factor]) -> float:
    """Variance for new levels of every factor at once; may be 0 or less in small data.

    influence (n,); factors: codes (n,) each, such as participant and image, of at least two levels.
    """
    one_way = sum(clustered_variance(influence, codes) for codes in factors)
    return one_way - _shared_variance(influence, factors)


def floored_variance(influence: Influence, factors: Sequence[Factor]) -> float:
    """Return the multi-way variance, at least that of each factor alone.

    For differences: in small data the cells may outweigh what the factors add, and a test by the
    multi-way variance alone then rejects too often.
    """
    one_way = [clustered_variance(influence, codes) for codes in factors]
    return max(sum(one_way) - _shared_variance(influence, factors), *one_way)


def contrast_variance(
    influence: Influence, factors: Sequence[Factor], is_first: NDArray[np.bool_]
) -> float:
    """Return the variance of a contrast of two sets of trials, floored as in `floored_variance`.

    is_first (n,): the trials of the first set. Each set's sums take the correction of its own
    number of clusters, because 4 people are no better known beside 100 others.
    """
    one_way = [_two_sided_variance(influence, codes, is_first) for codes in factors]
    return max(sum(one_way) - _shared_variance(influence, factors), *one_way)


def contrast_df(codes: Factor, is_first: NDArray[np.bool_]) -> int | None:
    """Return a factor's degrees of freedom in a contrast: the fewer clusters of a set, minus 1.

    codes (n,): the trials' clusters; is_first (n,): the trials of the first set. None if a set has
    a single cluster, which has no variance.
    """
    fewest = min(count_clusters(codes, is_first), count_clusters(codes, ~is_first))
    return None if fewest < 2 else fewest - 1


def _two_sided_variance(influence: Influence, codes: Factor, is_first: NDArray[np.bool_]) -> float:
    """Return the one-way variance, with G / (G - 1) of each set; for equal G as one-way."""
    first, second = (count_clusters(codes, chosen) for chosen in (is_first, ~is_first))
    corrections = sqrt(first / (first - 1)), sqrt(second / (second - 1))
    return _sum_of_squares(influence * np.where(is_first, *corrections), codes)


def _shared_variance(influence: Influence, factors: Sequence[Factor]) -> float:
    """Return what the one-way variances of the factors count more than once."""
    total = 0.0
    for size in range(2, len(factors) + 1):
        cells = [intersection_variance(influence, *some) for some in combinations(factors, size)]
        total += (-1) ** size * sum(cells)
    return total


@dataclass(frozen=True)
class LeaveOneOut:
    """The lowest and the highest rate with one person (or image) left out, and which one."""

    low: float
    low_without: str
    high: float
    high_without: str


def find_extreme_leave_one_out(
    fooled: NDArray[np.bool_], codes: Factor, names: Sequence[str]
) -> LeaveOneOut | None:
    """Find the clusters whose removal changes the rate most.

    fooled (n,); codes (n,): the trial's cluster, a participant or an image; names: by code.

    None where fewer than two have trials.
    """
    trials, hits = count_by_cluster(codes), sum_by_cluster(codes, fooled)
    present, levels = np.flatnonzero(trials), list_levels(codes, len(trials))
    if len(present) < 2:
        return None
    rates = (hits.sum() - hits[present]) / (trials.sum() - trials[present])
    low, high = int(rates.argmin()), int(rates.argmax())
    return LeaveOneOut(
        *(float(rates[low]), str(names[int(levels[present[low]])])),
        *(float(rates[high]), str(names[int(levels[present[high]])])),
    )
