"""Whether the images were shown for as long as asked, and what disturbed that."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.record import DISTURBED, Mask, Numbers, Record
from analysis.responses import Responses

FRAME_MS = 1000 / 60  # of the commonest screens; off by more than that is off by a frame
FLAGS = ("voided", *DISTURBED)


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
    """Of all test and vigilance trials shown, whoever counts.

    voided, unanswered, disturbed: shares of `trials`; unanswered: seen to the end, no answer;
    disturbed: flagged and yet kept. exposures: by what was asked; none where no time was stored.
    """

    trials: int
    voided: float | None
    unanswered: float | None
    disturbed: float | None
    flags: dict[str, Flagged]
    exposures: tuple[Exposure, ...]


def observe_timing(taken: Responses, record: Record) -> Timing:
    """taken, record: the same trials, as text and as numbers."""
    judged = np.zeros(len(taken), dtype=np.bool_)
    judged[record.row[record.judged]] = True
    shown = taken.only(judged)
    voided = shown.where("flags", lambda flags: "voided" in flags)
    return Timing(
        trials=len(shown),
        voided=_share(voided),
        unanswered=_share(~voided & shown.equals("answer", "")),
        disturbed=_share(~voided & ~shown.equals("flags", "")),
        flags={flag: _count_flag(shown, flag) for flag in FLAGS},
        exposures=tuple(_summarize_exposures(shown)),
    )


def _share(chosen: Mask) -> float | None:
    return float(chosen.mean()) if len(chosen) else None


def _count_flag(shown: Responses, flag: str) -> Flagged:
    flagged = shown.only(shown.where("flags", lambda flags: flag in flags.split()))
    return Flagged(len(flagged), len(flagged.distinct("participant")))


def _summarize_exposures(shown: Responses) -> Iterator[Exposure]:
    """One for each time that was asked for."""
    asked = np.tile(shown.numbers("exposure_ms"), 2)
    off = np.concatenate([shown.numbers(column) for column in ("first_ms", "second_ms")]) - asked
    timed = ~np.isnan(off)
    for milliseconds in np.unique(asked[timed]).tolist():
        yield _summarize(milliseconds, off[timed & (asked == milliseconds)])


def _summarize(asked_ms: float, off: Numbers) -> Exposure:
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
