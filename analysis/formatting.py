"""How a report prints names and numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from analysis.inference.intervals import Interval

NAMES = {
    "l2": "L2",
    "mcl": "MCL",
    "mcl-annealed": "Annealed MCL",
    "zhang2016": "Zhang et al. 2016",
    "foil": "Foil",
}
SPACE = "\u202f"  # narrow and unbreakable, between a number and its unit
MINUS = "\u2212"
DASH = "\u2013"  # printed where the data cannot tell

Entry = Mapping[str, Any]  # a part of report.json


class Ordered(NamedTuple):
    """A difference seen from the method that fooled more often."""

    more: str
    less: str
    size: float
    bounds: Interval | None


def name(method: str) -> str:
    """What a reader calls a method."""
    return NAMES.get(method, method)


def number(value: float | None, digits: int = 0) -> str:
    """A number with a true minus sign, and none before zero."""
    if value is None:
        return DASH
    printed = f"{abs(value):,.{digits}f}"
    return MINUS + printed if value < 0 and printed.strip("0.") else printed


def percent(share: float | None, digits: int = 1) -> str:
    """0.312 -> 31.2"""
    return number(None if share is None else 100 * share, digits)


def interval(bounds: Interval | None, digits: int = 1) -> str:
    """(0.26, 0.37) -> 26.0 to 37.0"""
    if bounds is None:
        return DASH
    return f"{percent(bounds[0], digits)} to {percent(bounds[1], digits)}"


def p_value(p: float | None) -> str:
    """Three digits, never 0."""
    if p is None:
        return DASH
    return f"<{SPACE}0.001" if p < 0.001 else f"{p:.3f}"


def p_equation(p: float) -> str:
    """p = 0.021, or p < 0.001"""
    printed = p_value(p)
    return f"p {printed}" if printed.startswith("<") else f"p = {printed}"


def listing(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join(filter(None, (", ".join(words[:-1]), "".join(words[-1:]))))


def plural(count: int, one: str, many: str) -> str:
    """1 person, 40 people"""
    return f"{number(count)} {one if count == 1 else many}"


def capitalize(sentence: str) -> str:
    """Its first letter, and no other."""
    return sentence[:1].upper() + sentence[1:]


def order_pair(pair: Entry) -> Ordered:
    """A difference of report.json with the higher rate first."""
    if pair["difference"] >= 0:
        return Ordered(pair["a"], pair["b"], pair["difference"], pair["ci95"])
    bounds = pair["ci95"] and (-pair["ci95"][1], -pair["ci95"][0])
    return Ordered(pair["b"], pair["a"], -pair["difference"], bounds)
