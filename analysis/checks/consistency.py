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

    rate: the share answered `agreements`, the same image called fake; ci95: for new people and new
    images. expected_agreement: the share that answers would share which have nothing to do with
    each other,
    but are as often right. first_rate, again_rate: shares that fooled (of single images: errors)
    at the first sight and at the second. flags: as of a `Rate`.
    """

    agreements: int
    repeats: int
    participants: int
    images: int
    rate: float | None
    ci95: Interval | None
    expected_agreement: float | None
    first_rate: float | None
    again_rate: float | None
    flags: tuple[str, ...]


def estimate_consistency(sample: AnalysisSample) -> Consistency | None:
    """None where no trial was shown twice."""
    table = sample.table
    if not len(table.repeat_rows):
        return None
    times = find_outlying_times(table.rt_ms, sample.rules)
    is_outlying_time = np.False_ if isinstance(times, str) else times
    usable = table.is_answered & ~sample.is_excluded[table.participant] & ~is_outlying_time
    is_usable_pair = usable[table.original_rows] & usable[table.repeat_rows]
    repeat_rows, first = table.repeat_rows[is_usable_pair], table.original_rows[is_usable_pair]
    before, after = table.is_wrong[first], table.is_wrong[repeat_rows]
    methods = np.array(table.methods)[table.method[repeat_rows]]
    alike = estimate_rate(
        Trials(before == after, table.participant[repeat_rows], table.image[repeat_rows], methods)
    )
    return Consistency(
        agreements=alike.fooled,
        repeats=alike.trials,
        participants=alike.participants,
        images=alike.images,
        rate=alike.rate,
        ci95=alike.ci95,
        expected_agreement=expected_agreement(before, after, methods) if len(before) else None,
        first_rate=float(before.mean()) if len(before) else None,
        again_rate=float(after.mean()) if len(before) else None,
        flags=alike.flags,
    )


def expected_agreement(
    wrong_first: NDArray[np.bool_], wrong_again: NDArray[np.bool_], methods: NDArray[np.str_]
) -> float:
    """Share of equal answers, were the two of each trial independent: Cohen 1960, by method.

    wrong_first, wrong_again (n,): wrong or not, at the first sight and at the second.
    """
    expected = 0.0
    for method in np.unique(methods):
        one, two = (float(wrong[methods == method].mean()) for wrong in (wrong_first, wrong_again))
        expected += (one * two + (1 - one) * (1 - two)) * float((methods == method).mean())
    return expected
