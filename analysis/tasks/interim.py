"""The differences between methods that the monitor watches, as means over participants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from analysis.inference.intervals import Interval
from analysis.inference.sequential import (
    ConfidenceSequence,
    PersonMean,
    average_difference,
    find_confidence_sequence,
)
from analysis.trials import Codes, FloatArray


@dataclass(frozen=True)
class InterimDifference:
    """The difference a - b of two methods, with each participant counted alike.

    of: `rate`, `net_preference` or `mean_opinion:SCALE`. mean: None if no participant judged both
    methods. is_share: the difference is the share of trials for a minus that for b, in [-1, 1].
    """

    a: str
    b: str
    of: str
    mean: PersonMean | None
    is_share: bool = False

    def find_sequence(self, alpha: float) -> tuple[ConfidenceSequence, Interval] | None:
        """Return the confidence sequence with its interval; None if there is none yet."""
        sequence = None if self.mean is None else find_confidence_sequence(self.mean, alpha)
        if sequence is None:
            return None
        return sequence, sequence.balance_interval() if self.is_share else sequence.interval()


def compare_methods_within_people(
    of: str, values: FloatArray, method: Codes, methods: Sequence[str], factors: Sequence[Codes]
) -> Iterator[InterimDifference]:
    """Yield the difference of every two methods, by the people who judged both.

    of: the name of what the values (n,) are; method (n,): codes; factors: codes (n,) each of the
    participants, the images, and perhaps other images.
    """
    for a, b in combinations(range(len(methods)), 2):
        rows = (method == a) | (method == b)
        mean = average_difference(
            values[rows], [codes[rows] for codes in factors], (method == a)[rows]
        )
        yield InterimDifference(methods[a], methods[b], of, mean)
