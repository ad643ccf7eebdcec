"""Consistency of answers to repeated trials."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.flow import AnalysisSample
from analysis.exclusions.rules import find_outlying_times
from analysis.inference.intervals import Interval
from analysis.inference.rates import estimate_rate
from analysis.trials import AnyTrials, BoolArray, IntArray, Trials


@dataclass(frozen=True)
class Consistency:
    """Agreement between repeated trials that included participants answered both times.

    Values that cannot be estimated are None. agreements: repeats answered the same way. rate:
    agreements / repeats; ci95: for new participants and new images. expected_agreement: the
    agreement expected from two independent answers with the same error rates (Cohen's p_e).
    first_rate, again_rate: fooling rate (single images: error rate) at the first and the second
    presentation. flags: as in `Rate`.
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
    """Estimate the consistency; None if no trial was repeated."""
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
    repeats = Trials(
        before == after, table.participant[repeat_rows], table.image[repeat_rows], methods
    )
    return describe_agreement(repeats, before, after)


def describe_agreement(
    repeats: AnyTrials, before: BoolArray, after: BoolArray, weight: IntArray | None = None
) -> Consistency:
    """Describe repeats, in which `fooled` means that the answer was the same.

    before, after (n,): whether the first and the second answer were wrong. weight (n,): how many
    repeats each stands for; None: one.
    """
    alike, n = estimate_rate(repeats), repeats.size
    return Consistency(
        agreements=alike.fooled,
        repeats=alike.trials,
        participants=alike.participants,
        images=alike.images,
        rate=alike.rate,
        ci95=alike.ci95,
        expected_agreement=expected_agreement(before, after, repeats.method, weight) if n else None,
        first_rate=repeats.count(before) / n if n else None,
        again_rate=repeats.count(after) / n if n else None,
        flags=alike.flags,
    )


def expected_agreement(
    wrong_first: NDArray[np.bool_],
    wrong_again: NDArray[np.bool_],
    methods: NDArray[np.str_],
    weight: IntArray | None = None,
) -> float:
    """Return the expected share of equal answers if the two answers to a trial were independent.

    Computed for each method (Cohen, 1960) and averaged over the trials. wrong_first, wrong_again
    (n,): whether the answer was wrong at the first and the second presentation. weight (n,): how
    many trials each stands for; None: one.
    """
    times = np.ones(len(methods)) if weight is None else weight
    expected = 0.0
    for method in np.unique(methods):
        own = np.where(methods == method, times, 0)
        one, two = (float(own[wrong].sum() / own.sum()) for wrong in (wrong_first, wrong_again))
        expected += (one * two + (1 - one) * (1 - two)) * float(own.sum() / times.sum())
    return expected
