"""How far a rate hangs on a single person, or on a single image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.trials import Codes


@dataclass(frozen=True)
class LeaveOneOut:
    """The lowest and the highest rate with one person (or image) left out, and which one."""

    low: float
    low_without: str
    high: float
    high_without: str


def leave_one_out(
    fooled: NDArray[np.bool_], codes: Codes, names: Sequence[str]
) -> LeaveOneOut | None:
    """Of the rate of fooled (n,); codes (n,): whose trial, or of what; names: by code.

    None where fewer than two have trials.
    """
    trials = np.bincount(codes, minlength=len(names))
    present = np.flatnonzero(trials)
    if len(present) < 2:
        return None
    hits = np.bincount(codes, weights=fooled, minlength=len(names))
    rates = (hits.sum() - hits[present]) / (trials.sum() - trials[present])
    low, high = int(rates.argmin()), int(rates.argmax())
    return LeaveOneOut(
        *(float(rates[low]), names[int(present[low])]),
        *(float(rates[high]), names[int(present[high])]),
    )
