"""A table of the page, every cell as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.formatting import DASH, SPACE, Entry, name, number, percent
from analysis.inference.intervals import Interval

KNOWN = f"95{SPACE}% interval"


@dataclass(frozen=True)
class Table:
    """columns: the headings; the first column names the rows. words: columns that hold text."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[int, ...] = ()
    note: str = ""


EMPTY = Table("", (), [])


def name_pair(pair: Entry) -> str:
    """Of a difference, in the order that its sign has."""
    return f"{name(pair['a'])} less {name(pair['b'])}"


def plain_interval(bounds: Interval | None) -> str:
    """Of what is no percentage."""
    return DASH if bounds is None else f"{number(bounds[0], 2)} to {number(bounds[1], 2)}"


def mark_source(other: Entry) -> str:
    """† where nobody read the source itself."""
    return "" if other["checked"] == "original" else f"{SPACE}†"


def mark_error(other: Entry) -> str:
    """± the standard error, where it is known."""
    if other["se"] is None:
        return ""
    assumed = " (assumed)" if other["se_assumed"] else ""
    return f" ± {percent(other['se'])}{assumed}"
