"""Format names and numbers for the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.inference.intervals import Interval

METHOD_LABELS = {
    "l2": "L2",
    "mcl": "MCL",
    "mcl-annealed": "Annealed MCL",
    "zhang2016": "Zhang et al. 2016",
    "foil": "Foil",
    "real": "Photograph",
}
NARROW_SPACE = "\u202f"  # narrow and unbreakable, between a number and its unit
NO_BREAK_SPACE = "\u00a0"
MINUS_SIGN = "\u2212"
MAX_DIGITS = 6  # decimals of a share; smaller differences are rounding
EN_DASH = "\u2013"  # printed for values that cannot be estimated

ReportPart = Mapping[str, Any]  # a part of report.json
ReportDict = dict[str, Any]  # a part of report.json while it is being made


def method_label(method: str) -> str:
    """Return the name of a method for readers."""
    return METHOD_LABELS.get(method, method)


def format_number(value: float | None, digits: int = 0) -> str:
    """Format a number with a true minus sign, which a rounded zero never has."""
    if value is None:
        return EN_DASH
    printed = f"{abs(value):,.{digits}f}"
    return MINUS_SIGN + printed if value < 0 and printed.strip("0.") else printed


def format_percent(share: float | None, digits: int = 1) -> str:
    """Format a share in [0, 1] as a percentage without its sign: 0.312 -> 31.2."""
    return format_number(None if share is None else 100 * share, digits)


def format_share(share: float, digits: int = 1) -> str:
    """Format a share in percent with as many digits as it takes to tell it from 0, 50 and 100.

    digits: the fewest. A share of 0.0004 is 0.04, never 0.0, which is printed for 0 alone.
    """
    for enough in range(digits, MAX_DIGITS):
        if round(100 * abs(share), enough) not in (0, 50, 100) or share in (-1, -0.5, 0, 0.5, 1):
            return format_percent(share, enough)
    return format_percent(share, MAX_DIGITS)


def format_interval(bounds: Interval | None, digits: int = 1) -> str:
    """Format an interval of shares in percent: (0.26, 0.37) -> 26.0 to 37.0."""
    if bounds is None:
        return EN_DASH
    return f"{format_percent(bounds[0], digits)} to {format_percent(bounds[1], digits)}"


def format_p(p: float | None) -> str:
    """Format a p value in APA style: .021, or < .001."""
    if p is None:
        return EN_DASH
    return f"<{NARROW_SPACE}.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def format_p_equation(p: float) -> str:
    """Format a p value as an equation: p = .021, or p < .001."""
    printed = format_p(p)
    relation = "" if printed.startswith("<") else f"={NO_BREAK_SPACE}"
    return f"p{NO_BREAK_SPACE}{relation}{printed}"


def join_words(items: Sequence[str], conjunction: str = "and") -> str:
    """Join words to a list: a, b and c."""
    return f" {conjunction} ".join(filter(None, (", ".join(items[:-1]), "".join(items[-1:]))))


def format_count(count: int, one: str, many: str) -> str:
    """Format a count with its noun: 1 person, 40 people."""
    return f"{format_number(count)} {one if count == 1 else many}"


def capitalize(sentence: str) -> str:
    """Capitalize the first letter, and leave the others as they are."""
    return sentence[:1].upper() + sentence[1:]
