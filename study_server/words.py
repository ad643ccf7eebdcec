"""The vocabulary of the contract: every word a column of the exports may hold (docs/formats.md)."""

from enum import StrEnum


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> "Side":
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Kind(StrEnum):
    QUALIFICATION = "qualification"
    PRACTICE = "practice"
    TEST = "test"
    VIGILANCE = "vigilance"


class Outcome(StrEnum):
    ACTIVE = "active"
    COMPLETE = "complete"
    SCREENED_OUT = "screened_out"
    ABANDONED = "abandoned"
    TIMED_OUT = "timed_out"
    RETURNED = "returned"


class Mode(StrEnum):
    LIVE = "live"
    PREVIEW = "preview"
    SIMULATED = "simulated"


class Source(StrEnum):
    LINK = "link"
    PROLIFIC = "prolific"
    MTURK = "mturk"
    SONA = "sona"


class State(StrEnum):
    """Of a study: who may begin it."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class Flag(StrEnum):
    """What disturbed a trial."""

    VOIDED = "voided"
    HIDDEN = "hidden"
    BLURRED = "blurred"
    RESIZED = "resized"
    SLOW_FRAME = "slow_frame"
    LATE = "late"


REAL, FOIL = "real", "foil"  # the two methods that are not models
