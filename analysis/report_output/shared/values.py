"""Print estimates of any kind: shares in percent, scores as they are."""

from collections.abc import Sequence

from analysis.formatting import (
    EN_DASH,
    ReportPart,
    format_interval,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval

OPINION = "mean_opinion"
ESTIMATE_LABELS = {
    "rate": "fooling rate, %",
    "win_rate": "win rate, %",
    "share_best": "chosen best, %",
    OPINION: "mean opinion score",
}


def estimate_label(of: str) -> str:
    """Return the name of an estimate for readers, with the scale of a score."""
    name, _, scale = of.partition(":")
    return f"{ESTIMATE_LABELS[name]}{f': {scale}' if scale else ''}"


def format_estimate(of: str, value: float | None, factor: float = 1.0) -> str:
    """Format an estimate, times a factor."""
    scaled = None if value is None else factor * value
    return format_number(scaled, 2) if of.startswith(OPINION) else format_percent(scaled)


def format_estimate_interval(of: str, bounds: Interval | None, factor: float = 1.0) -> str:
    """Format the interval of an estimate, times a factor."""
    if bounds is None:
        return EN_DASH
    low, high = (factor * bound for bound in bounds)
    if of.startswith(OPINION):
        return f"{format_number(low, 2)} to {format_number(high, 2)}"
    return format_interval((low, high))


def format_methods(methods: Sequence[str]) -> str:
    """Name a method, or the difference of two."""
    return " − ".join(map(method_label, methods))


def caption_of(entries: Sequence[ReportPart]) -> str:
    """Name the estimate of all entries, or say that the rows name it."""
    kinds = {entry["of"] for entry in entries}
    return f" ({estimate_label(kinds.pop())})" if len(kinds) == 1 else ""


def suffix_of(entry: ReportPart, entries: Sequence[ReportPart]) -> str:
    """Return the scale of an entry for its row, empty if all entries have the same estimate."""
    return f", {entry['of'].partition(':')[2]}" if len({one["of"] for one in entries}) > 1 else ""


def list_entries(report: ReportPart, key: str, part: str) -> list[tuple[ReportPart, ReportPart]]:
    """Return every item of a list within the entries of a part of report.json, with its entry."""
    return [(entry, item) for entry in report[key] for item in entry[part]]
