"""The trials that rates are computed from, and the array types that the analysis shares."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

Codes = NDArray[np.int64]


def count_clusters(codes: Codes) -> int:
    """Return the number of distinct codes. codes (n,): integers from 0."""
    return int(np.count_nonzero(np.bincount(codes)))


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

    @cached_property
    def _by_method(self) -> "dict[str, Trials]":
        return {}
