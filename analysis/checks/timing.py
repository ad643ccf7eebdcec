"""Accuracy of the exposures, and disturbances of the trials."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.checks.histograms import find_quantiles
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import DISTURBANCE_FLAGS, TrialTable
from analysis.trials import BoolArray, FloatArray, IntArray

FRAME_MS = 1000 / 60  # at 60 Hz, the most common refresh rate
MAX_LISTED_EXPOSURES = 20
TIMING_FLAGS = ("voided", *DISTURBANCE_FLAGS)


@dataclass(frozen=True)
class ExposureSummary:
    """The exposure errors of all images requested for `requested_ms`, first and second of a pair.

    requested_ms: None for images of all exposures, if there are more than MAX_LISTED_EXPOSURES.
    median_error_ms, p05_error_ms, p95_error_ms: median and percentiles of achieved − requested.
    shorter_share, longer_share: shares that were off by more than one frame at 60 Hz.
    """

    requested_ms: float | None
    images: int
    median_error_ms: float
    p05_error_ms: float
    p95_error_ms: float
    shorter_share: float
    longer_share: float


@dataclass(frozen=True)
class FlagCount:
    """The numbers of trials with a flag, and of participants with such a trial."""

    trials: int
    participants: int


@dataclass(frozen=True)
class TimingSummary:
    """The timing of all test trials and attention checks, before exclusions.

    voided, unanswered, disturbed: shares of `trials`. unanswered: shown completely without an
    answer. disturbed: flagged but valid. exposures: by requested time; empty if no times were
    stored.
    """

    trials: int
    voided: float | None
    unanswered: float | None
    disturbed: float | None
    flags: dict[str, FlagCount]
    exposures: tuple[ExposureSummary, ...]


def summarize_timing(selected: Responses, table: TrialTable) -> TimingSummary:
    """Summarize the timing. selected, table: the same trials, as text and as numbers."""
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
    """Yield a summary for each requested exposure, or one for all if they are many."""
    requested_ms = selected.numbers("exposure_ms")[rows]
    error_ms = np.array(
        [selected.numbers(column)[rows] - requested_ms for column in ("first_ms", "second_ms")]
    )
    levels = np.unique(requested_ms[~np.isnan(requested_ms)]).tolist()
    if len(levels) > MAX_LISTED_EXPOSURES:
        timed = error_ms[~np.isnan(error_ms)]
        if len(timed):
            yield _summarize(None, timed)
        return
    for milliseconds in levels:
        of_these = error_ms[:, requested_ms == milliseconds]
        timed = of_these[~np.isnan(of_these)]
        if len(timed):
            yield _summarize(milliseconds, timed)


def summarize_errors(
    requested_ms: float | None, error_ms: FloatArray, counts: IntArray
) -> ExposureSummary:
    """Summarize errors (n,) in ascending order, each of which comes counts (n,) times."""
    low, middle, high = find_quantiles(error_ms, counts, (0.05, 0.5, 0.95))
    images = int(counts.sum())
    return ExposureSummary(
        requested_ms=requested_ms,
        images=images,
        median_error_ms=middle,
        p05_error_ms=low,
        p95_error_ms=high,
        shorter_share=float(counts[error_ms < -FRAME_MS].sum() / images),
        longer_share=float(counts[error_ms > FRAME_MS].sum() / images),
    )


def _summarize(requested_ms: float | None, error_ms: FloatArray) -> ExposureSummary:
    low, middle, high = np.percentile(error_ms, (5, 50, 95)).tolist()
    return ExposureSummary(
        requested_ms=requested_ms,
        images=len(error_ms),
        median_error_ms=middle,
        p05_error_ms=low,
        p95_error_ms=high,
        shorter_share=float((error_ms < -FRAME_MS).mean()),
        longer_share=float((error_ms > FRAME_MS).mean()),
    )
