"""Bootstraps of the fooling rates, to set beside the closed-form intervals: optional checks.

Weights are drawn, never rows, and the methods share them, so that differences are paired. By one
factor: the cluster bootstrap. By both: the pigeonhole bootstrap (Owen 2007), whose intervals are
about a third too wide where nobody sees an image twice, for it counts a trial's noise three times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.inference.intervals import Interval
from analysis.trials import Codes, FloatArray, Trials

# replicates at a time, for memory's sake; the results do not depend on it
REPLICATES_PER_BLOCK = 100

DrawCounts = NDArray[np.float32]  # whole numbers, which it holds exactly


def cluster_bootstrap(
    trials: Trials, methods: Sequence[str], cluster: Codes, replicates: int, seed: int
) -> FloatArray:
    """Rates (replicates, methods) of clusters drawn with replacement; nan without a trial.

    cluster (n,): the participant or the image of each trial. A replicate depends on the seed and
    on its own number: a longer run begins with a shorter one's.
    """
    totals = _sum_clusters(trials, methods, cluster)
    # clusters alike share a draw
    patterns, pattern_counts = np.unique(totals, axis=0, return_counts=True)
    trials_by_pattern, fooled = patterns[:, : len(methods)], patterns[:, len(methods) :]
    rng = np.random.default_rng(seed)
    rates = np.empty((replicates, len(methods)))
    for block in _iterate_blocks(rates):
        weights = rng.multinomial(
            pattern_counts.sum(), pattern_counts / pattern_counts.sum(), len(block)
        ).astype(np.float64)
        block[:] = _divide(weights @ fooled, weights @ trials_by_pattern)
    return rates


def pigeonhole_bootstrap(
    trials: Trials, methods: Sequence[str], replicates: int, seed: int
) -> FloatArray:
    """Rates (replicates, methods) of people and images, each drawn with replacement.

    A trial weighs as often as its person times as often as its image was drawn; nan and
    replicates as in `cluster_bootstrap`.
    """
    participants, participant = np.unique(trials.participant, return_inverse=True)
    images, image = np.unique(trials.image, return_inverse=True)
    shape = (len(images), len(participants))
    of_people, of_images = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)
    )
    rates = np.empty((replicates, len(methods)))
    tables = []
    for method in methods:
        chosen = trials.method == method
        cell_indices = (image[chosen], participant[chosen])
        tables += [
            sparse.csr_array((value[chosen].astype(np.float32), cell_indices), shape)
            for value in (np.ones(len(chosen)), trials.fooled)
        ]
    for block in _iterate_blocks(rates):
        by_person = _draw_counts(of_people, len(participants), len(block))
        by_image = _draw_counts(of_images, len(images), len(block))
        totals = np.stack([_weighted_sums(table, by_person, by_image) for table in tables], axis=1)
        block[:] = _divide(totals[:, 1::2], totals[:, ::2])
    return rates


def _sum_clusters(trials: Trials, methods: Sequence[str], cluster: Codes) -> NDArray[np.int64]:
    """(clusters, 2 methods): trials of every method, then how many of them fooled."""
    levels, codes = np.unique(cluster, return_inverse=True)
    chosen = [trials.method == method for method in methods]
    return np.stack(
        [np.bincount(codes[mask], minlength=len(levels)) for mask in chosen]
        + [np.bincount(codes[mask & trials.fooled], minlength=len(levels)) for mask in chosen],
        axis=1,
    )


def _draw_counts(rng: np.random.Generator, levels: int, replicates: int) -> DrawCounts:
    """(levels, replicates): how often each level comes when as many are drawn as there are."""
    drawn_levels = rng.integers(levels, size=(replicates, levels))
    drawn_levels += levels * np.arange(replicates)[:, None]
    counts = np.bincount(drawn_levels.ravel(), minlength=levels * replicates)
    return counts.reshape(replicates, levels).T.astype(np.float32)


def _weighted_sums(
    table: sparse.csr_array, by_person: DrawCounts, by_image: DrawCounts
) -> FloatArray:
    """(replicates,): weighted sums over the cells of table (images, people)."""
    totals: FloatArray = np.einsum("ib,ib->b", table @ by_person, by_image).astype(np.float64)
    return totals


def _iterate_blocks(rates: FloatArray) -> Iterator[FloatArray]:
    """Yield views of a block of rows each."""
    for start in range(0, len(rates), REPLICATES_PER_BLOCK):
        yield rates[start : start + REPLICATES_PER_BLOCK]


def _divide(fooled: FloatArray, shown: FloatArray) -> FloatArray:
    return np.divide(fooled, shown, out=np.full_like(fooled, np.nan), where=shown > 0)


CI95_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class BootstrapIntervals:
    """ci95_participants: people drawn anew. ci95_both: people and images, about a third too wide.

    None where there is one level to draw from, or no replicate with trials.
    """

    ci95_participants: Interval | None
    ci95_both: Interval | None


def bootstrap_intervals(
    trials: Trials, methods: Sequence[str], replicates: int, seed: int
) -> dict[tuple[str, ...], BootstrapIntervals]:
    """Return intervals by (method,) for a rate, and by (a, b) for rate(a) - rate(b), a before b.

    Methods without trials are left out. Differences come from the same replicates as the rates.
    """
    methods_with_trials = sorted(
        method for method in methods if len(trials.for_method(method).fooled)
    )
    if not methods_with_trials:
        return {}
    has_levels = [levels > 1 for levels in trials.factor_levels]
    participants = both = None
    if has_levels[0]:
        participants = cluster_bootstrap(
            trials, methods_with_trials, trials.participant, replicates, seed
        )
    if all(has_levels):
        both = pigeonhole_bootstrap(trials, methods_with_trials, replicates, seed)
    column_sets: list[tuple[int, ...]] = [(place,) for place in range(len(methods_with_trials))]
    column_sets += combinations(range(len(methods_with_trials)), 2)
    return {
        tuple(methods_with_trials[place] for place in some): BootstrapIntervals(
            _percentile_interval(participants, some), _percentile_interval(both, some)
        )
        for some in column_sets
    }


def _percentile_interval(rates: FloatArray | None, columns: tuple[int, ...]) -> Interval | None:
    """Summarize the replicates of one method, or of the difference of two."""
    if rates is None:
        return None
    replicates = rates[:, columns[0]] - (rates[:, columns[1]] if len(columns) > 1 else 0.0)
    replicates = replicates[~np.isnan(replicates)]
    if not len(replicates):
        return None
    low, high = np.quantile(replicates, CI95_TAILS).tolist()
    return low, high
