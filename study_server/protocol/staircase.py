"""Exposures that follow a participant's answers, as in HYPE-time (Zhou et al., NeurIPS 2019)."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

StepMs = Annotated[int, Field(ge=1, le=60_000)]
ExposureMs = Annotated[int, Field(ge=20, le=60_000)]  # MIN_EXPOSURE_MS of protocol.contradictions
BlockCount = Annotated[int, Field(ge=1, le=100)]


class Staircase(BaseModel):
    """The settings of the table `[staircase]`; `key_texts.STAIRCASE_KEYS` explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    start_ms: ExposureMs
    up_ms: StepMs
    down_ms: StepMs
    right_in_a_row: Annotated[int, Field(ge=1, le=100)]
    min_ms: ExposureMs
    max_ms: ExposureMs
    blocks: BlockCount
    trials_per_block: Annotated[int, Field(ge=1, le=1000)]

    @model_validator(mode="after")
    def _require_order(self) -> "Staircase":
        if not self.min_ms <= self.start_ms <= self.max_ms:
            raise ValueError(
                f"start_ms = {self.start_ms} is not between min_ms = {self.min_ms} and "
                f"max_ms = {self.max_ms}; change one of them"
            )
        return self

    @property
    def trials(self) -> int:
        """The number of test trials of all blocks."""
        return self.blocks * self.trials_per_block


def next_exposure(staircase: Staircase, answers: Iterable[bool]) -> int:
    """Return the exposure in ms after the answers of a block so far.

    answers: whether each answer was right, in order. A wrong answer raises the exposure by up_ms.
    The last of right_in_a_row right answers lowers it by down_ms, and counting starts again, as it
    does after a wrong answer. The exposure stays between min_ms and max_ms.
    """
    exposure_ms, right_in_a_row = staircase.start_ms, 0
    for is_right in answers:
        right_in_a_row = right_in_a_row + 1 if is_right else 0
        if not is_right:
            exposure_ms = min(exposure_ms + staircase.up_ms, staircase.max_ms)
        elif right_in_a_row == staircase.right_in_a_row:
            exposure_ms = max(exposure_ms - staircase.down_ms, staircase.min_ms)
            right_in_a_row = 0
    return exposure_ms
