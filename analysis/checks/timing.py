"""Whether the images were shown for as long as asked, and what disturbed that."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import DISTURBANCE_FLAGS, TrialTable
from analysis.trials import BoolArray, FloatArray

FRAME_MS = 1000 / 60  # of the commonest screens; off by more than that is off by a frame
TIMING_FLAGS = ("voided", *DISTURBANCE_FLAGS)


@dataclass(frozen=True)
class ExposureSummary:
    """Images that were asked for `requested_ms`, first and second of a pair together.

    off_ms: achieved minus asked, at the median and the 5th and 95th percentile. shorter_share,
    longer_share:
    shares off by more than a frame of a 60 Hz screen.
    """

    requested_ms: float
    images: int
    median_error_ms: float
    p05_error_ms: float
    p95_error_ms: float
    shorter_share: float
    longer_share: float


@dataclass(frozen=True)
class FlagCount:
    """How many trials carry a flag, and of how many people."""

    trials: int
    participants: int


@dataclass(frozen=True)
class TimingSummary:
    """Of all test and attention checks shown, whoever counts.

    voided, unanswered, disturbed: shares of `trials`; unanswered: seen to the end, no answer;
    disturbed: flagged and yet kept. exposures: by what was asked; none where no time was stored.
    """

    trials: int
    voided: float | None
    unanswered: float | None
    disturbed: float | None
    flags: dict[str, FlagCount]
    exposures: tuple[ExposureSummary, ...]


def summarize_timing(selected: Responses, table: TrialTable) -> TimingSummary:
    """selected, table: the same trials, as text and as numbers."""
    is_main = table.is_main
    return TimingSummary(
        trials=int(is_main.sum()),
        voided=_share(~table.is_valid[is_main]),
        unanswered=_share((table.is_valid & ~table.is_answered)[is_main]),
        disturbed=_share((table.is_valid & table.is_disturbed)[is_main]),
        flags={flag: _count_flag(selected, table, flag) for flag in TIMING_FLAGS},
        exposures=tuple(_summarize_exposures(selected, table.response_row[is_main])),
    )


def _share(chosen: BoolArray) -> float | None:
    return float(chosen.mean()) if len(chosen) else None


def _count_flag(selected: Responses, table: TrialTable, flag: str) -> FlagCount:
    flagged = selected.matches("flags", lambda flags: flag in flags.split())[table.response_row]
    participant = table.participant[flagged & table.is_main]
    return FlagCount(len(participant), int(np.count_nonzero(np.bincount(participant))))


def _summarize_exposures(selected: Responses, rows: NDArray[np.int64]) -> Iterator[ExposureSummary]:
    """One for each time that was asked for."""
    requested_ms = selected.numbers("exposure_ms")[rows]
    error_ms = np.array(
        [selected.numbers(column)[rows] - requested_ms for column in ("first_ms", "second_ms")]
    )
    for milliseconds in np.unique(requested_ms[~np.isnan(requested_ms)]).tolist():
        of_these = error_ms[:, requested_ms == milliseconds]
        timed = of_these[~np.isnan(of_these)]
        if len(timed):
            yield _summarize(milliseconds, timed)


def _summarize(asked_ms: float, off: FloatArray) -> ExposureSummary:
    low, middle, high = np.percentile(off, (5, 50, 95)).tolist()
    return ExposureSummary(
        requested_ms=asked_ms,
        images=len(off),
        median_error_ms=middle,
        p05_error_ms=low,
        p95_error_ms=high,
        shorter_share=float((off < -FRAME_MS).mean()),
        longer_share=float((off > FRAME_MS).mean()),
    )
