"""Summarize response times and exposures from counted values."""

from collections.abc import Iterator, Mapping

import numpy as np

from analysis.checks.histograms import find_quantiles
from analysis.checks.response_behavior import RT_QUANTILES, ResponseTimes
from analysis.checks.timing import (
    MAX_LISTED_EXPOSURES,
    TIMING_FLAGS,
    ExposureSummary,
    FlagCount,
    TimingSummary,
    summarize_errors,
)
from analysis.large.connection import Source
from analysis.large.tables.person_counts import PersonCounts
from analysis.large.tables.trial_table import FLAG_BITS

MAIN_ROWS = "kind IN ('test', 'attention')"


def list_response_times(source: Source, codes: Mapping[str, int]) -> list[ResponseTimes]:
    """Return the response times of each method, fooled and not fooled. codes: by method."""
    rows = source.fetch(
        "SELECT m, fooled, rt_ms, count(*) AS n FROM included WHERE rt_ms IS NOT NULL GROUP BY ALL "
        "ORDER BY rt_ms"
    )
    summaries = []
    for method, code in codes.items():
        for fooled in (True, False):
            chosen = (rows["m"] == code) & (rows["fooled"] == fooled)
            counts = rows["n"][chosen].astype(np.int64)
            times = rows["rt_ms"][chosen]
            quantiles = find_quantiles(times, counts, RT_QUANTILES) if len(times) else []
            summaries.append(ResponseTimes(method, fooled, int(counts.sum()), *quantiles))
    return summaries


def summarize_timing(source: Source, people: PersonCounts) -> TimingSummary:
    """Summarize the timing of all test trials and attention checks, before exclusions."""
    rows = source.fetch(
        "SELECT flag_bits, is_valid, is_answered, count(*) AS n FROM trial WHERE is_main "
        "GROUP BY ALL"
    )
    bits, n = rows["flag_bits"].astype(np.int64), rows["n"].astype(np.int64)
    valid, answered = rows["is_valid"].astype(np.bool_), rows["is_answered"].astype(np.bool_)
    trials = int(n.sum())

    def share(chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float | None:
        return float(n[chosen].sum() / trials) if trials else None

    of_people = people.counts["flag_bits"]
    return TimingSummary(
        trials=trials,
        voided=share(~valid),
        unanswered=share(valid & ~answered),
        disturbed=share(valid & (bits & ~FLAG_BITS["voided"] != 0)),
        flags={
            flag: FlagCount(
                int(n[bits & FLAG_BITS[flag] != 0].sum()),
                int(np.count_nonzero(of_people & FLAG_BITS[flag])),
            )
            for flag in TIMING_FLAGS
        },
        exposures=tuple(_summarize_exposures(source)),
    )


def _summarize_exposures(source: Source) -> Iterator[ExposureSummary]:
    requested = source.fetch(
        f"SELECT DISTINCT exposure_ms FROM selected WHERE {MAIN_ROWS} AND exposure_ms IS NOT NULL "
        "ORDER BY exposure_ms"
    )["exposure_ms"]
    errors = " UNION ALL ".join(
        f"SELECT exposure_ms, {column} - exposure_ms AS error FROM selected WHERE {MAIN_ROWS} "
        f"AND {column} IS NOT NULL AND exposure_ms IS NOT NULL"
        for column in ("first_ms", "second_ms")
    )
    are_listed = len(requested) <= MAX_LISTED_EXPOSURES
    level = "exposure_ms" if are_listed else "NULL::DOUBLE"
    counted = source.fetch(
        f"SELECT {level} AS level, error, count(*) AS n FROM ({errors}) GROUP BY ALL ORDER BY error"
    )
    for milliseconds in requested.tolist() if are_listed else [None]:
        chosen = (
            np.isnan(counted["level"]) if milliseconds is None else counted["level"] == milliseconds
        )
        if chosen.any():
            counts = counted["n"][chosen].astype(np.int64)
            yield summarize_errors(milliseconds, counted["error"][chosen], counts)
