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
from analysis.trials import Codes, Trials

BLOCK = 100  # replicates at a time, for memory's sake; the results do not depend on it

Rates = NDArray[np.float64]
Weights = NDArray[np.float32]  # whole numbers, which it holds exactly


def cluster_bootstrap(
    trials: Trials, methods: Sequence[str], cluster: Codes, replicates: int, seed: int
) -> Rates:
    """Rates (replicates, methods) of clusters drawn with replacement; nan without a trial.

    cluster (n,): the participant or the image of each trial. A replicate depends on the seed and
    on its own number: a longer run begins with a shorter one's.
    """
    totals = _sum_clusters(trials, methods, cluster)
    patterns, alike = np.unique(totals, axis=0, return_counts=True)  # clusters alike share a draw
    shown, fooled = patterns[:, : len(methods)], patterns[:, len(methods) :]
    rng = np.random.default_rng(seed)
    rates = np.empty((replicates, len(methods)))
    for block in _blocks(rates):
        weights = rng.multinomial(alike.sum(), alike / alike.sum(), len(block)).astype(np.float64)
        block[:] = _divide(weights @ fooled, weights @ shown)
    return rates


def pigeonhole_bootstrap(
    trials: Trials, methods: Sequence[str], replicates: int, seed: int
) -> Rates:
    """Rates (replicates, methods) of people and images, each drawn with replacement.

    A trial weighs as often as its person times as often as its image was drawn; nan and
    replicates as in `cluster_bootstrap`.
    """
    people, participant = np.unique(trials.participant, return_inverse=True)
    images, image = np.unique(trials.image, return_inverse=True)
    shape = (len(images), len(people))
    of_people, of_images = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)
    )
    rates = np.empty((replicates, len(methods)))
    cells = []
    for method in methods:
        chosen = trials.method == method
        place = (image[chosen], participant[chosen])
        cells += [
            sparse.csr_array((value[chosen].astype(np.float32), place), shape)
            for value in (np.ones(len(chosen)), trials.fooled)
        ]
    for block in _blocks(rates):
        by_person = _draw(of_people, len(people), len(block))
        by_image = _draw(of_images, len(images), len(block))
        totals = np.stack([_weigh(table, by_person, by_image) for table in cells], axis=1)
        block[:] = _divide(totals[:, 1::2], totals[:, ::2])
    return rates


def _sum_clusters(trials: Trials, methods: Sequence[str], cluster: Codes) -> NDArray[np.int64]:
    """(clusters, 2 methods): trials of every method, then how many of them fooled."""
    found, codes = np.unique(cluster, return_inverse=True)
    chosen = [trials.method == method for method in methods]
    return np.stack(
        [np.bincount(codes[mask], minlength=len(found)) for mask in chosen]
        + [np.bincount(codes[mask & trials.fooled], minlength=len(found)) for mask in chosen],
        axis=1,
    )


def _draw(rng: np.random.Generator, levels: int, replicates: int) -> Weights:
    """(levels, replicates): how often each level comes when as many are drawn as there are."""
    drawn = rng.integers(levels, size=(replicates, levels))
    drawn += levels * np.arange(replicates)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=levels * replicates)
    return counts.reshape(replicates, levels).T.astype(np.float32)


def _weigh(table: sparse.csr_array, by_person: Weights, by_image: Weights) -> Rates:
    """(replicates,): weighted sums over the cells of table (images, people)."""
    totals: Rates = np.einsum("ib,ib->b", table @ by_person, by_image).astype(np.float64)
    return totals


def _blocks(rates: Rates) -> Iterator[Rates]:
    """Views of some rows each."""
    for start in range(0, len(rates), BLOCK):
        yield rates[start : start + BLOCK]


def _divide(fooled: Rates, shown: Rates) -> Rates:
    return np.divide(fooled, shown, out=np.full_like(fooled, np.nan), where=shown > 0)


TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Resampled:
    """ci95_people: people drawn anew. ci95_both: people and images, about a third too wide.

    None where there is one level to draw from, or no replicate with trials.
    """

    ci95_people: Interval | None
    ci95_both: Interval | None


def resample(
    trials: Trials, methods: Sequence[str], replicates: int, seed: int
) -> dict[tuple[str, ...], Resampled]:
    """(method,) -> its rate's intervals; (a, b) -> those of rate(a) - rate(b), a before b.

    Methods without trials are left out. Differences come from the same replicates as the rates.
    """
    tried = sorted(method for method in methods if len(trials.for_method(method).fooled))
    if not tried:
        return {}
    several = [levels > 1 for levels in trials.factor_levels]
    people = both = None
    if several[0]:
        people = cluster_bootstrap(trials, tried, trials.participant, replicates, seed)
    if all(several):
        both = pigeonhole_bootstrap(trials, tried, replicates, seed)
    places: list[tuple[int, ...]] = [(place,) for place in range(len(tried))]
    places += combinations(range(len(tried)), 2)
    return {
        tuple(tried[place] for place in some): Resampled(_bounds(people, some), _bounds(both, some))
        for some in places
    }


def _bounds(rates: Rates | None, places: tuple[int, ...]) -> Interval | None:
    """Of one method's replicates, or of one less another's."""
    if rates is None:
        return None
    drawn = rates[:, places[0]] - (rates[:, places[1]] if len(places) > 1 else 0.0)
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return None
    low, high = np.quantile(drawn, TAILS).tolist()
    return low, high
