"""Read the parts of report.json of a task whose candidates are judged."""

from collections.abc import Iterator, Mapping

from analysis.formatting import ReportPart

SHARE_NAMES = ("win_rate", "share_best")
SCORE_NAMES = ("mean_opinion", "dmos")  # of ratings: one estimate per method and scale


def find_share_name(report: ReportPart) -> str | None:
    """Return whether shares of wins are `win_rate` or `share_best`; None for other tasks."""
    entries = report["methods"].values()
    return next((name for name in SHARE_NAMES if any(name in entry for entry in entries)), None)


def find_ranked_name(report: ReportPart) -> str | None:
    """Return the estimate that the rank sets come from; None without rank sets."""
    if any("strength" in entry for entry in report["methods"].values()):
        return "strength"
    return find_share_name(report)


def list_scales(report: ReportPart) -> list[str]:
    """Return the scales of ratings, in alphabetical order; empty for other tasks."""
    entries = report["methods"].values()
    return sorted({scale for entry in entries for scale in entry.get("mean_opinion", {})})


def collect_estimates(
    report: ReportPart, name: str, scale: str | None = None
) -> dict[str, ReportPart]:
    """Return an estimate of every method that has a value, the highest first.

    scale: of ratings. Ties are in alphabetical order.
    """
    found = {
        method: entry[name] if scale is None else entry[name][scale]
        for method, entry in report["methods"].items()
        if name in entry and (scale is None or scale in entry[name])
    }
    valued = [(method, one) for method, one in found.items() if one["value"] is not None]
    return dict(sorted(valued, key=lambda item: (-item[1]["value"], item[0])))


def iterate_estimates(report: ReportPart) -> Iterator[tuple[str, str, str | None, ReportPart]]:
    """Yield (method, name of the estimate, scale or None, estimate)."""
    for method, entry in report["methods"].items():
        for name, content in entry.items():
            if name in SCORE_NAMES:
                yield from ((method, name, scale, one) for scale, one in content.items())
            elif isinstance(content, Mapping) and "value" in content:
                yield method, name, None, content


def list_estimate_names(report: ReportPart) -> list[tuple[str, str | None]]:
    """Return (name, scale) of every estimate, in the order of the report."""
    return list(dict.fromkeys((name, scale) for _, name, scale, _ in iterate_estimates(report)))


def count_candidates(report: ReportPart) -> int | None:
    """Return the number of candidates of each trial; None if trials differ in it."""
    numbers = report["input"]["candidates"]
    return int(numbers[0]) if len(numbers) == 1 else None


def find_chance(report: ReportPart) -> float | None:
    """Return the share that each method would have if all were alike; None if it varies."""
    candidates = count_candidates(report)
    return None if candidates is None or find_share_name(report) is None else 1 / candidates
