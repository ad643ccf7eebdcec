"""Whether people answer alike when they are shown the same trial again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.flow import AnalysisSample
from analysis.exclusions.rules import find_outlying_times
from analysis.inference.intervals import Interval
from analysis.inference.rates import estimate_rate
from analysis.trials import Trials


@dataclass(frozen=True)
class Consistency:
    """Of repeats that people who count answered both times; None where the data cannot tell.

    rate: the share answered `alike`, the same image called fake; ci95: for new people and new
    images. chance: the share that answers would share which have nothing to do with each other,
    but are as often right. first_rate, again_rate: shares that fooled (of single images: errors)
    at the first sight and at the second. flags: as of a `Rate`.
    """

    alike: int
    repeats: int
    participants: int
    images: int
    rate: float | None
    ci95: Interval | None
    chance: float | None
    first_rate: float | None
    again_rate: float | None
    flags: tuple[str, ...]


def observe_consistency(counted: AnalysisSample) -> Consistency | None:
    """None where no trial was shown twice."""
    record = counted.table
    if not len(record.repeat_rows):
        return None
    times = find_outlying_times(record.rt_ms, counted.rules)
    odd = np.False_ if isinstance(times, str) else times
    usable = record.is_answered & ~counted.is_excluded[record.participant] & ~odd
    kept = usable[record.original_rows] & usable[record.repeat_rows]
    again, first = record.repeat_rows[kept], record.original_rows[kept]
    before, after = record.is_wrong[first], record.is_wrong[again]
    methods = np.array(record.methods)[record.method[again]]
    alike = estimate_rate(
        Trials(before == after, record.participant[again], record.image[again], methods)
    )
    return Consistency(
        alike=alike.fooled,
        repeats=alike.trials,
        participants=alike.participants,
        images=alike.images,
        rate=alike.rate,
        ci95=alike.ci95,
        chance=chance_alike(before, after, methods) if len(before) else None,
        first_rate=float(before.mean()) if len(before) else None,
        again_rate=float(after.mean()) if len(before) else None,
        flags=alike.flags,
    )


def chance_alike(
    before: NDArray[np.bool_], after: NDArray[np.bool_], methods: NDArray[np.str_]
) -> float:
    """Share of equal answers, were the two of each trial independent: Cohen 1960, by method.

    before, after (n,): wrong or not, at the first sight and at the second.
    """
    expected = 0.0
    for method in np.unique(methods):
        one, two = (float(wrong[methods == method].mean()) for wrong in (before, after))
        expected += (one * two + (1 - one) * (1 - two)) * float((methods == method).mean())
    return expected
