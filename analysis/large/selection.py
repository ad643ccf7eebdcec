"""Say which study is reported, and which of its trials are included."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from analysis.exclusions.people import TIME_RULE
from analysis.large.counts import Counted
from analysis.trials import BoolArray, IntArray


@dataclass(frozen=True)
class StudySelection:
    """The study and mode that are reported, with the hash of the file and its task."""

    sha256: str
    study: str
    mode: str
    task: str
    is_single: bool
    is_paired: bool


def select_rows(
    counted: Counted, patterns: IntArray, broken: Sequence[str], rules: Collection[str]
) -> BoolArray:
    """Return (n,): whether the trials of each row are included under these rules.

    broken: the rules, by bit of the patterns.
    """
    bits = sum(1 << place for place, rule in enumerate(broken) if rule in rules)
    included: BoolArray = (patterns[counted.values["pattern"]] & bits) == 0
    return included & (counted.values["outlying"] == 0) if TIME_RULE in rules else included
