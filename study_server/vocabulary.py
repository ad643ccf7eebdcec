"""The vocabulary of the contract: every word a column of the exports may hold (docs/formats.md)."""

from enum import StrEnum


class Side(StrEnum):
    """Of a pair."""

    LEFT = "left"
    RIGHT = "right"


class Slot(StrEnum):
    """Where an image is: one of a pair, or a single one."""

    LEFT = "left"
    RIGHT = "right"
    CENTER = "center"


class Answer(StrEnum):
    """What a participant answers: a side of a pair, or what a single image is."""

    LEFT = "left"
    RIGHT = "right"
    FAKE = "fake"
    REAL = "real"

    @property
    def other(self) -> "Answer":
        pairs = (Answer.LEFT, Answer.RIGHT), (Answer.FAKE, Answer.REAL)
        return next(b if self is a else a for a, b in pairs if self in (a, b))


class TrialKind(StrEnum):
    QUALIFICATION = "qualification"
    PRACTICE = "practice"
    TEST = "test"
    ATTENTION = "attention"


class Outcome(StrEnum):
    ACTIVE = "active"
    COMPLETE = "complete"
    SCREENED_OUT = "screened_out"
    ABANDONED = "abandoned"
    TIMED_OUT = "timed_out"
    RETURNED = "returned"


class WordingPart(StrEnum):
    """Of a study's wording: what its researcher may edit."""

    CONSENT = "consent"
    INSTRUCTIONS = "instructions"
    QUESTION = "question"
    DEBRIEF = "debrief"


class Mode(StrEnum):
    LIVE = "live"
    PREVIEW = "preview"
    SIMULATED = "simulated"


class RecruitmentSource(StrEnum):
    LINK = "link"
    PROLIFIC = "prolific"
    MTURK = "mturk"
    SONA = "sona"


class ColorVision(StrEnum):
    """What somebody says of their own."""

    NORMAL = "normal"
    DEFICIENT = "deficient"
    UNKNOWN = "unknown"


class NightLight(StrEnum):
    """Whether the screen is being tinted, as somebody says."""

    OFF = "off"
    ON = "on"
    UNKNOWN = "unknown"


class StudyState(StrEnum):
    """Of a study: who may begin it."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class TrialFlag(StrEnum):
    """What disturbed a trial."""

    VOIDED = "voided"
    HIDDEN = "hidden"
    BLURRED = "blurred"
    RESIZED = "resized"
    SLOW_FRAME = "slow_frame"
    LATE = "late"


# those by which a trial was not what the protocol asks for
DISTURBANCE_FLAGS = (TrialFlag.HIDDEN, TrialFlag.BLURRED, TrialFlag.RESIZED, TrialFlag.SLOW_FRAME)

REAL_METHOD, FOIL_METHOD = "real", "foil"  # the two methods that are not models
# an input that the browser did not make itself (static/player/trial/answers.js)
SCRIPT_INPUT = "script"


def derive_truth(fake_side: Side | None, fake_id: int | None) -> Answer:
    """What the right answer to a trial names: where the fake is, or what the only image is."""
    if fake_side is not None:
        return Answer(fake_side)
    return Answer.REAL if fake_id is None else Answer.FAKE
