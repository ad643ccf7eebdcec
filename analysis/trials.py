"""The trials that rates are computed from, and the array types that the analysis shares."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.counted.trials import CountedFactor, CountedTrials

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

Codes = NDArray[np.int64]
Factor = Codes | CountedFactor  # of trials that are listed, or counted


def count_clusters(codes: Factor, chosen: BoolArray | None = None) -> int:
    """Return the number of distinct codes, of the chosen (n,) trials or of all.

    codes (n,): integers from 0.
    """
    if isinstance(codes, CountedFactor):
        return codes.count_levels(chosen)
    return int(np.count_nonzero(np.bincount(codes if chosen is None else codes[chosen])))


def sum_by_cluster(codes: Factor, values: FloatArray | BoolArray) -> FloatArray:
    """Return the sum of the values (n,) of the trials in each cluster of codes (n,)."""
    if isinstance(codes, CountedFactor):
        return codes.repeat(codes.sum_by_cluster(values.astype(np.float64)))
    sums: FloatArray = np.bincount(codes, weights=values).astype(np.float64, copy=False)
    return sums


def count_by_cluster(codes: Factor) -> IntArray:
    """Return the number of trials in each cluster of codes (n,)."""
    if isinstance(codes, CountedFactor):
        return codes.repeat(codes.count_by_cluster())
    return np.bincount(codes)


def list_levels(codes: Factor, clusters: int) -> IntArray:
    """Return the code of the level of each cluster that `count_by_cluster` counts.

    Of levels that are alike, each has the code of the first. clusters: their number.
    """
    if isinstance(codes, CountedFactor) and codes.first is not None:
        return codes.repeat(codes.first)[:clusters]
    return np.arange(clusters)


@dataclass(frozen=True)
class Trials:
    """Answered test trials, one entry each.

    fooled (n,): the fake was taken for the real one. participant, image (n,): codes from 0 of who
    judged which photograph. method (n,): what made the fake. real_image (n,): codes of the
    photographs
    of others that the fakes stood beside; None where each stood beside its own, or alone.
    """

    fooled: NDArray[np.bool_]
    participant: Codes
    image: Codes
    method: NDArray[np.str_]
    real_image: Codes | None = None

    @property
    def factors(self) -> tuple[Codes, ...]:
        """The crossed factors: participants, images, and photographs shown beside them."""
        return self.participant, self.image, *([] if self.real_image is None else [self.real_image])

    @property
    def size(self) -> int:
        """The number of trials."""
        return len(self.fooled)

    @property
    def fooled_count(self) -> int:
        """The number of trials that fooled."""
        return int(self.fooled.sum())

    def count(self, chosen: NDArray[np.bool_]) -> int:
        """Return the number of the chosen (n,) trials."""
        return int(chosen.sum())

    def total(self, values: NDArray[np.float64]) -> float:
        """Return the sum of the values (n,)."""
        return float(values.sum())

    @cached_property
    def factor_levels(self) -> tuple[int, ...]:
        """The numbers of levels of the factors."""
        return tuple(map(count_clusters, self.factors))

    def estimable_factors(self) -> tuple[list[Codes], int]:
        """Return the factors of at least two levels, and the fewest levels minus 1 as df."""
        estimable_codes = [
            codes for codes, n in zip(self.factors, self.factor_levels, strict=True) if n > 1
        ]
        return estimable_codes, min(n for n in self.factor_levels if n > 1) - 1

    def select(self, chosen: NDArray[np.bool_]) -> "Trials":
        """Return the trials where chosen (n,) is True."""
        if chosen.all():
            return self
        rows = np.flatnonzero(chosen)
        return self._take(rows, self.method[rows])

    def for_method(self, method: str) -> "Trials":
        """Return the trials of one method; cached because many estimates need them."""
        if method not in self._by_method:
            rows = np.flatnonzero(self.method == method)
            alike = np.broadcast_to(np.array(method), len(rows))  # names are long by the million
            self._by_method[method] = self._take(rows, alike)
        return self._by_method[method]

    def _take(self, rows: NDArray[np.int64], method: NDArray[np.str_]) -> "Trials":
        return Trials(
            self.fooled[rows],
            self.participant[rows],
            self.image[rows],
            method,
            None if self.real_image is None else self.real_image[rows],
        )

    def join(self, other: "Trials") -> "Trials":
        """Return these trials and then the other ones."""
        real = self.real_image, other.real_image
        return Trials(
            np.append(self.fooled, other.fooled),
            np.append(self.participant, other.participant),
            np.append(self.image, other.image),
            np.append(self.method, other.method),
            None if real[0] is None or real[1] is None else np.append(real[0], real[1]),
        )

    @cached_property
    def _by_method(self) -> "dict[str, Trials]":
        return {}


AnyTrials = Trials | CountedTrials


def join_trials(first: AnyTrials, second: AnyTrials) -> AnyTrials:
    """Return the first trials and then the second ones. Both are listed, or both are counted."""
    if isinstance(first, CountedTrials):
        assert isinstance(second, CountedTrials)
        return first.join(second)
    assert isinstance(second, Trials)
    return first.join(second)
