"""Estimates of several quantities from the same trials, and the influence of each trial on them.

A mean, a strength or a threshold solves an equation that sums over trials, so every trial has an
influence on it: what the trial adds to the estimate's error. The variance of the summed influence,
clustered by participant and by image (Cameron, Gelbach & Miller 2011), is that of the estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.counted.trials import CountedFactor
from analysis.trials import (
    BoolArray,
    Codes,
    Factor,
    FloatArray,
    IntArray,
    count_clusters,
    sum_by_cluster,
)


@dataclass(frozen=True)
class JointEstimates:
    """Estimates of m quantities, such as one per method, with the influence of n trials on each.

    values (m,); influence (n, m): sums to 0 over trials; shown (n, m): whether the trial informs
    the estimate; participant, image (n,): codes from 0. weight (n,): how many trials each stands
    for; None: one.
    """

    names: Sequence[str]
    values: FloatArray
    influence: FloatArray
    shown: BoolArray
    participant: Factor
    image: Factor
    weight: IntArray | None = None

    @cached_property
    def participants(self) -> list[int]:
        """The number of participants whose trials inform each estimate."""
        return _count_levels(self.participant, self.shown)

    @cached_property
    def images(self) -> list[int]:
        """The number of source images whose trials inform each estimate."""
        return _count_levels(self.image, self.shown)

    @cached_property
    def covariances(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The covariances (m, m) clustered by participant, by image, and by both together."""
        cells = _cross(self.participant, self.image)
        filled = [count_clusters(cells)] * len(self.names)
        return (
            _clustered_covariance(self.influence, self.participant, self.participants),
            _clustered_covariance(self.influence, self.image, self.images),
            _clustered_covariance(self.influence, cells, filled),
        )

    def count_trials(self, column: int) -> int:
        """Return the number of trials that inform an estimate."""
        shown = self.shown[:, column]
        return int(np.count_nonzero(shown) if self.weight is None else self.weight[shown].sum())

    def sum_of_squares(self, contrast: FloatArray) -> float:
        """Return the sum over trials of the squared influence on contrast (m,) @ values."""
        influence = self.influence @ contrast
        weighted = influence if self.weight is None else influence * self.weight
        return float(weighted @ influence)


def _cross(participant: Factor, image: Factor) -> Factor:
    if isinstance(participant, CountedFactor):
        assert isinstance(image, CountedFactor)
        return participant.cross(image)
    assert not isinstance(image, CountedFactor)
    pairs = participant * (int(image.max()) + 1) + image
    cells: Codes = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return cells


def _count_levels(codes: Factor, shown: BoolArray) -> list[int]:
    return [count_clusters(codes, column) for column in shown.T]


def _clustered_covariance(
    influence: FloatArray, codes: Factor, clusters: Sequence[int]
) -> FloatArray:
    """Return the covariance (m, m) of summed influence (n, m), clustered by codes (n,).

    clusters: the number of clusters that inform each of the m estimates, for G / (G - 1); with a
    single one, the factor is left out later and the correction does not matter.
    """
    if isinstance(codes, CountedFactor):
        totals = np.column_stack([codes.sum_by_cluster(column) for column in influence.T])
        totals *= 1.0 if codes.times is None else np.sqrt(codes.times)[:, None]
    else:
        totals = np.column_stack([sum_by_cluster(codes, column) for column in influence.T])
    corrections: FloatArray = np.sqrt([max(g, 2) / (max(g, 2) - 1) for g in clusters])
    corrected: FloatArray = totals * corrections
    return corrected.T @ corrected


def estimate_mean_scores(
    scores: FloatArray,
    method: Codes,
    participant: Factor,
    image: Factor,
    methods: Sequence[str],
    weight: IntArray | None = None,
) -> JointEstimates:
    """Return the mean score of each method, with the influence of each rating.

    On any scale: five grades (the mean opinion score of ITU-T P.910), a slider, a rank. scores
    (n,): one per rated image; method, participant, image (n,): codes from 0. weight (n,): how many
    trials each stands for; None: one.
    """
    shown = method[:, None] == np.arange(len(methods))
    counts = np.bincount(method, weights=weight, minlength=len(methods))
    weighted = scores if weight is None else scores * weight
    totals = np.bincount(method, weights=weighted, minlength=len(methods))
    means = np.divide(totals, counts, out=np.full(len(methods), np.nan), where=counts > 0)
    influence = np.where(shown, (scores[:, None] - means) / np.maximum(counts, 1), 0.0)
    return JointEstimates(methods, means, influence, shown, participant, image, weight)
