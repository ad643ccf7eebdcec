"""Trials that are counted instead of listed, because memory could not hold them one by one.

Trials that agree in all that an estimate asks (method, fooled or not, ...) are one row with a
weight. Each factor, and each crossing of factors, says how often a row comes in each cluster. Sums
of an influence over clusters are then the same as those over trials.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

Names = frozenset[str]
PARTICIPANT, IMAGE, REAL_IMAGE = "participant", "image", "real_image"


@dataclass(frozen=True)
class CountedFactor:
    """The clusters of a factor, or of crossed factors.

    names: of the factors. cluster, row (k,): codes; count (k,): number of trials of this row in
    this cluster. times (G,): number of clusters with the same counts; None: 1 each. family: all
    factors and crossings of the same rows, by name. first (G,): the code of the first of the
    clusters with the same counts, where the codes of clusters are not codes of a level.
    """

    names: Names
    cluster: NDArray[np.integer]
    row: NDArray[np.integer]
    count: NDArray[np.integer] | FloatArray
    times: IntArray | None
    family: "dict[Names, CountedFactor]"
    first: IntArray | None = None

    def sum_by_cluster(self, values: FloatArray) -> FloatArray:
        """Return the sum (G,) of the values (n,) of the rows, each as often as it comes."""
        return self._sum(self.count * values[self.row])

    def count_by_cluster(self) -> IntArray:
        """Return the number of trials (G,) in each cluster."""
        return self._sum(self.count).astype(np.int64)

    def _sum(self, weights: NDArray[Any]) -> FloatArray:
        width = 0 if self.times is None else len(self.times)
        sums: FloatArray = np.bincount(self.cluster, weights=weights, minlength=width).astype(
            np.float64, copy=False
        )
        return sums

    def repeat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (G,) once for every cluster with the same counts."""
        return values if self.times is None else np.repeat(values, self.times)

    def sum_of_squares(self, values: FloatArray) -> float:
        """Return the sum over clusters of the squared sum of the values (n,)."""
        sums = self.sum_by_cluster(values)
        return float((sums if self.times is None else self.times * sums) @ sums)

    def count_levels(self, chosen: BoolArray | None = None) -> int:
        """Return the number of clusters with trials of the chosen (n,) rows; None: of any."""
        cluster = self.cluster if chosen is None else self.cluster[chosen[self.row]]
        present = np.flatnonzero(np.bincount(cluster))
        return len(present) if self.times is None else int(self.times[present].sum())

    def cross(self, *others: "CountedFactor") -> "CountedFactor":
        """Return the crossing with other factors."""
        return self.family[self.names.union(*(other.names for other in others))]

    def take(self, new_row: IntArray, family: "dict[Names, CountedFactor]") -> "CountedFactor":
        """Return the rows that new_row (n,) numbers anew; the others have -1."""
        row = new_row[self.row]
        kept = row >= 0
        return CountedFactor(
            self.names,
            self.cluster[kept],
            row[kept],
            self.count[kept],
            self.times,
            family,
            self.first,
        )


@dataclass(frozen=True)
class CountedTrials:
    """Rows that each stand for identical trials; the methods are those of `Trials`.

    fooled, method, weight (n,): of each row; weight is its number of trials. family: the factors.
    left (n,): whether the left image, or fake, was chosen. person_trials (n,): the number of trials
    of the row's participant in these trials. Either may be None where nothing asks for it.
    cell_shares: the sums over cells of a participant and an image of the squared number of trials,
    divided by that of the participant, and by that of the image; None if no cell has two.
    """

    fooled: BoolArray
    method: NDArray[np.str_]
    weight: IntArray
    family: dict[Names, CountedFactor]
    left: BoolArray | None = None
    person_trials: IntArray | None = None
    cell_shares: tuple[float, float] | None = None

    @property
    def size(self) -> int:
        """The number of trials."""
        return int(self.weight.sum())

    @property
    def fooled_count(self) -> int:
        """The number of trials that fooled."""
        return self.count(self.fooled)

    @property
    def participant(self) -> CountedFactor:
        """The participants."""
        return self.family[frozenset({PARTICIPANT})]

    @property
    def image(self) -> CountedFactor:
        """The source images."""
        return self.family[frozenset({IMAGE})]

    @cached_property
    def factors(self) -> tuple[CountedFactor, ...]:
        """The crossed factors: participants, images, and photographs shown beside them."""
        names = (PARTICIPANT, IMAGE, REAL_IMAGE)
        found = (self.family.get(frozenset({name})) for name in names)
        return tuple(factor for factor in found if factor is not None)

    @cached_property
    def factor_levels(self) -> tuple[int, ...]:
        """The numbers of levels of the factors."""
        return tuple(factor.count_levels() for factor in self.factors)

    def estimable_factors(self) -> tuple[list[CountedFactor], int]:
        """Return the factors of at least two levels, and the fewest levels minus 1 as df."""
        pairs = list(zip(self.factors, self.factor_levels, strict=True))
        return [factor for factor, n in pairs if n > 1], min(n for _, n in pairs if n > 1) - 1

    def count(self, chosen: BoolArray) -> int:
        """Return the number of trials of the chosen (n,) rows."""
        return int(self.weight[chosen].sum())

    def total(self, values: FloatArray) -> float:
        """Return the sum over trials of the values (n,) of the rows."""
        return float(self.weight @ values)

    def select(self, chosen: BoolArray) -> "CountedTrials":
        """Return the trials of the rows where chosen (n,) is True."""
        if chosen.all():
            return self
        new_row = np.where(chosen, np.cumsum(chosen) - 1, -1)
        family: dict[Names, CountedFactor] = {}
        for names, factor in self.family.items():
            family[names] = factor.take(new_row, family)
        return CountedTrials(
            self.fooled[chosen],
            self.method[chosen],
            self.weight[chosen],
            family,
            None if self.left is None else self.left[chosen],
            None if self.person_trials is None else self.person_trials[chosen],
        )

    def for_method(self, method: str) -> "CountedTrials":
        """Return the trials of one method; cached because many estimates need them."""
        if method not in self._by_method:
            self._by_method[method] = self.select(self.method == method)
        return self._by_method[method]

    @cached_property
    def _by_method(self) -> "dict[str, CountedTrials]":
        return {}

    def join(self, other: "CountedTrials") -> "CountedTrials":
        """Return these trials and then the other ones, selected from the same trials as these."""
        family: dict[Names, CountedFactor] = {}
        for names, factor in self.family.items():
            added = other.family[names]
            family[names] = replace(
                factor,
                cluster=np.append(factor.cluster, added.cluster),
                row=np.append(factor.row, added.row + len(self.fooled)),
                count=np.append(factor.count, added.count),
                family=family,
            )
        return CountedTrials(
            np.append(self.fooled, other.fooled),
            np.append(self.method, other.method),
            np.append(self.weight, other.weight),
            family,
        )
