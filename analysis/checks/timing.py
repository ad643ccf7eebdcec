"""Whether the images were shown for as long as asked, and what disturbed that."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import DISTURBANCE_FLAGS, TrialTable
from analysis.trials import BoolArray, FloatArray

FRAME_MS = 1000 / 60  # of the commonest screens; off by more than that is off by a frame
FLAGS = ("voided", *DISTURBANCE_FLAGS)


@dataclass(frozen=True)
class Exposure:
    """Images that were asked for `asked_ms`, first and second of a pair together.

    off_ms: achieved minus asked, at the median and the 5th and 95th percentile. shorter, longer:
    shares off by more than a frame of a 60 Hz screen.
    """

    asked_ms: float
    images: int
    median_off_ms: float
    p05_off_ms: float
    p95_off_ms: float
    shorter: float
    longer: float


@dataclass(frozen=True)
class Flagged:
    """How many trials carry a flag, and of how many people."""

    trials: int
    participants: int


@dataclass(frozen=True)
class Timing:
    """Of all test and attention checks shown, whoever counts.

    voided, unanswered, disturbed: shares of `trials`; unanswered: seen to the end, no answer;
    disturbed: flagged and yet kept. exposures: by what was asked; none where no time was stored.
    """

    trials: int
    voided: float | None
    unanswered: float | None
    disturbed: float | None
    flags: dict[str, Flagged]
    exposures: tuple[Exposure, ...]


def observe_timing(taken: Responses, record: TrialTable) -> Timing:
    """taken, record: the same trials, as text and as numbers."""
    judged = record.is_main
    return Timing(
        trials=int(judged.sum()),
        voided=_share(~record.is_valid[judged]),
        unanswered=_share((record.is_valid & ~record.is_answered)[judged]),
        disturbed=_share((record.is_valid & record.is_disturbed)[judged]),
        flags={flag: _count_flag(taken, record, flag) for flag in FLAGS},
        exposures=tuple(_summarize_exposures(taken, record.response_row[judged])),
    )


def _share(chosen: BoolArray) -> float | None:
    return float(chosen.mean()) if len(chosen) else None


def _count_flag(taken: Responses, record: TrialTable, flag: str) -> Flagged:
    flagged = taken.matches("flags", lambda flags: flag in flags.split())[record.response_row]
    participant = record.participant[flagged & record.is_main]
    return Flagged(len(participant), int(np.count_nonzero(np.bincount(participant))))


def _summarize_exposures(taken: Responses, rows: NDArray[np.int64]) -> Iterator[Exposure]:
    """One for each time that was asked for."""
    asked = taken.numbers("exposure_ms")[rows]
    off = np.array([taken.numbers(column)[rows] - asked for column in ("first_ms", "second_ms")])
    for milliseconds in np.unique(asked[~np.isnan(asked)]).tolist():
        of_these = off[:, asked == milliseconds]
        timed = of_these[~np.isnan(of_these)]
        if len(timed):
            yield _summarize(milliseconds, timed)


def _summarize(asked_ms: float, off: FloatArray) -> Exposure:
    low, middle, high = np.percentile(off, (5, 50, 95)).tolist()
    return Exposure(
        asked_ms=asked_ms,
        images=len(off),
        median_off_ms=middle,
        p05_off_ms=low,
        p95_off_ms=high,
        shorter=float((off < -FRAME_MS).mean()),
        longer=float((off > FRAME_MS).mean()),
    )
