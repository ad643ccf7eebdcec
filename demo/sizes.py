"""How long the demo's studies are: what was planned, or what the photographs allow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """A study's numbers of pairs; a participant never sees a photograph twice."""

    practice: int
    trials: int
    attention_checks: int

    @property
    def photographs(self) -> int:
        """What one participant needs."""
        return self.practice + self.trials + self.attention_checks


FULL = Size(practice=4, trials=20, attention_checks=2)
FEWEST = 8  # photographs: fewer make no study


def fit_size(photographs: int) -> Size:
    """The largest study, up to FULL, that a test split of so many photographs can feed.

    Raises ValueError when there are fewer than FEWEST.
    """
    if photographs < FEWEST:
        raise ValueError(f"{photographs} photographs to test with; a study needs {FEWEST}")
    if photographs >= FULL.photographs:
        return FULL
    return Size(practice=2, trials=photographs - 3, attention_checks=1)
