"""A table of the page, every cell as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.formatting import (
    EN_DASH,
    NARROW_SPACE,
    ReportPart,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval

CI95_HEADING = f"95{NARROW_SPACE}% interval"


@dataclass(frozen=True)
class ReportTable:
    """columns: the headings.

    The first column names the rows. text_columns: columns that hold text.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    text_columns: tuple[int, ...] = ()
    note: str = ""


EMPTY_TABLE = ReportTable("", (), [])


def format_pair(pair: ReportPart) -> str:
    """Of a difference, in the order that its sign has."""
    return f"{method_label(pair['a'])} less {method_label(pair['b'])}"


def format_plain_interval(bounds: Interval | None) -> str:
    """Of what is no percentage."""
    return (
        EN_DASH
        if bounds is None
        else f"{format_number(bounds[0], 2)} to {format_number(bounds[1], 2)}"
    )


def format_source_mark(checked: str) -> str:
    """† where nobody read the source itself."""
    return "" if checked == "original" else f"{NARROW_SPACE}†"


def format_standard_error(other: ReportPart) -> str:
    """± the standard error, where it is known."""
    if other["se"] is None:
        return ""
    assumed = " (assumed)" if other["se_assumed"] else ""
    return f" ± {format_percent(other['se'])}{assumed}"
