"""Percentile intervals by resampling, to set beside the closed-form ones where somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.inference.bootstrap import Rates, cluster_bootstrap, pigeonhole_bootstrap
from analysis.inference.intervals import Interval
from analysis.trials import Trials

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
    tried = sorted(method for method in methods if len(trials.of(method).fooled))
    if not tried:
        return {}
    several = [levels > 1 for levels in trials.levels]
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
