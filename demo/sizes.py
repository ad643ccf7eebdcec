"""The length of the demo's studies: as planned, or as the photographs allow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StudySize:
    """A study's numbers of pairs; a participant never sees a photograph twice."""

    practice: int
    trials: int
    attention_checks: int

    @property
    def photographs(self) -> int:
        """The number of photographs that one participant needs."""
        return self.practice + self.trials + self.attention_checks


FULL_SIZE = StudySize(practice=4, trials=20, attention_checks=2)
MIN_PHOTOGRAPHS = 8  # photographs: fewer make no study


def fit_size(photographs: int) -> StudySize:
    """The largest study, up to FULL_SIZE, that a test split of so many photographs can feed.

    Raises ValueError when there are fewer than MIN_PHOTOGRAPHS.
    """
    if photographs < MIN_PHOTOGRAPHS:
        few = "1 test photograph" if photographs == 1 else f"{photographs} test photographs"
        raise ValueError(f"only {few}; a study needs {MIN_PHOTOGRAPHS}")
    if photographs >= FULL_SIZE.photographs:
        return FULL_SIZE
    return StudySize(practice=2, trials=photographs - 3, attention_checks=1)
