"""Sampling variance when the same people and the same images come back trial after trial.

Cameron, Gelbach & Miller 2011: two-way clustering, each part with its own G / (G - 1).
"""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Influence = NDArray[np.float64]


def count_clusters(codes: Codes) -> int:
    """How many different codes there are. codes (n,): whole numbers from 0."""
    return int(np.count_nonzero(np.bincount(codes)))


def clustered_variance(influence: Influence, codes: Codes) -> float:
    """One-way: G / (G - 1) times the sum over clusters of (sum of influence) squared.

    influence (n,): what each trial adds to the estimate, zero in sum; codes (n,): its cluster.
    Needs at least two clusters.
    """
    clusters = count_clusters(codes)
    totals = np.bincount(codes, weights=influence)
    return clusters / (clusters - 1) * float(totals @ totals)


def cell_variance(influence: Influence, participant: Codes, image: Codes) -> float:
    """As `clustered_variance`, by the distinct pairs of a participant and an image."""
    cell = participant * (image.max() + 1) + image
    if np.diff(np.sort(cell)).all():  # nobody sees an image twice: sorting alone is 5 times as fast
        return len(cell) / (len(cell) - 1) * float(influence @ influence)
    return clustered_variance(influence, np.unique(cell, return_inverse=True)[1].astype(np.int64))


def two_way_variance(influence: Influence, participant: Codes, image: Codes) -> float:
    """Variance for new people and new images; may come out at or below zero in small data.

    influence, participant, image (n,). Needs at least two of each.
    """
    return (
        clustered_variance(influence, participant)
        + clustered_variance(influence, image)
        - cell_variance(influence, participant, image)
    )


def estimable_variance(
    influence: Influence, participant: Codes, image: Codes, *, people: bool, images: bool
) -> float:
    """Two-way where both people and images can be estimated, else of the one that can."""
    if people and images:
        return two_way_variance(influence, participant, image)
    return clustered_variance(influence, participant if people else image)
