"""Format the estimates of judged candidates: shares in percent, scores and strengths as numbers."""

from collections.abc import Sequence

from analysis.findings.judged_parts import SHARE_NAMES
from analysis.formatting import (
    EN_DASH,
    ReportPart,
    format_interval,
    format_number,
    format_percent,
    method_label,
)

DIGITS = 2  # of scores, ranks and strengths


def is_share(name: str) -> bool:
    """Return whether an estimate is a share, printed in percent."""
    return name in SHARE_NAMES or name.startswith("share_")


def format_value(name: str, value: float | None) -> str:
    """Format an estimate or a difference of this name, without a unit."""
    return format_percent(value) if is_share(name) else format_number(value, DIGITS)


def format_bounds(name: str, bounds: Sequence[float] | None) -> str:
    """Format an interval of an estimate or a difference of this name."""
    if bounds is None:
        return EN_DASH
    low, high = bounds
    if is_share(name):
        return format_interval((low, high))
    return f"{format_number(low, DIGITS)} to {format_number(high, DIGITS)}"


def format_with_unit(name: str, value: float) -> str:
    """Format an estimate in a sentence: 57.1%, or 3.42."""
    return f"{format_value(name, value)}%" if is_share(name) else format_value(name, value)


def format_both_intervals(name: str, one: ReportPart) -> str:
    """Format the interval for new images and, beside it, the one for these images."""
    fixed = one["ci95_fixed_images"]
    beside = f"; for these images {format_bounds(name, fixed)}" if fixed else ""
    return f"95% CI {format_bounds(name, one['ci95'])}{beside}"


def format_rank_set(rank_set: Sequence[int]) -> str:
    """Format the possible ranks: 1 to 3, or 2 if there is only one."""
    best, worst = rank_set
    return str(best) if best == worst else f"{best} to {worst}"


def split_of(of: str) -> tuple[str, str | None]:
    """Split what a difference is of into the name of the estimate and the scale."""
    name, _, scale = of.partition(":")
    return name, scale or None


def format_pair_label(pair: ReportPart) -> str:
    """Name the methods of a comparison in its order."""
    return f"{method_label(pair['a'])} and {method_label(pair['b'])}"
