"""A table of the report: every cell as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.exclusions.flow import ANSWERED_STEP
from analysis.formatting import (
    EN_DASH,
    NARROW_SPACE,
    ReportPart,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval

CI95_HEADING = "95% CI"


@dataclass(frozen=True)
class ReportTable:
    """A table with a caption.

    columns: the headings; the first column names the rows. text_columns: columns that hold text.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    text_columns: tuple[int, ...] = ()
    note: str = ""


EMPTY_TABLE = ReportTable("", (), [])


def has_exclusions(report: ReportPart) -> bool:
    """Return whether the exclusion rules leave out any answered test trial."""
    flow = report["exclusions"]["flow"]
    answered = next(step for step in flow if step["step"] == ANSWERED_STEP)
    return bool(flow[-1]["trials"] < answered["trials"])


def format_pair(pair: ReportPart) -> str:
    """Name the methods of a difference a − b in its order."""
    return f"{method_label(pair['a'])} − {method_label(pair['b'])}"


def format_plain_interval(bounds: Interval | None) -> str:
    """Format the interval of a value that is not a percentage."""
    return (
        EN_DASH
        if bounds is None
        else f"{format_number(bounds[0], 2)} to {format_number(bounds[1], 2)}"
    )


def find_exposure_range(by_exposure: ReportPart, method: str) -> tuple[float, float]:
    """Return the shortest and the longest exposure of a method in ms."""
    own = [one["exposure_ms"] for one in by_exposure["rates"] if one["method"] == method]
    return min(own), max(own)


def format_ms(ms: float | None, shown: tuple[float, float]) -> str:
    """Format a threshold in ms; outside the exposures that were shown, as < or > the last one."""
    return EN_DASH if ms is None else f"{_format_within(ms, shown)}{NARROW_SPACE}ms"


def format_ms_interval(bounds: Sequence[float | None] | None, shown: tuple[float, float]) -> str:
    """Format the interval of a threshold; an end of None lies outside the exposures shown."""
    if bounds is None:
        return EN_DASH
    low, high = bounds
    first = _format_within(float("-inf") if low is None else low, shown)
    second = _format_within(float("inf") if high is None else high, shown)
    return f"{first} to {second}{NARROW_SPACE}ms"


def _format_within(ms: float, shown: tuple[float, float]) -> str:
    shortest, longest = shown
    if ms < shortest:
        return f"<{NARROW_SPACE}{format_number(shortest)}"
    if ms > longest:
        return f">{NARROW_SPACE}{format_number(longest)}"
    return format_number(ms)


def format_source_mark(checked: str) -> str:
    """Return † for a published value that was not checked in the original source."""
    return "" if checked == "original" else f"{NARROW_SPACE}†"


def format_standard_error(other: ReportPart) -> str:
    """Format a standard error as ±, or nothing if it is unknown."""
    if other["se"] is None:
        return ""
    assumed = " (assumed)" if other["se_assumed"] else ""
    return f" ± {format_percent(other['se'])}{assumed}"
