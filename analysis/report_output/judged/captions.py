"""Captions, titles and alternative texts of the figures of judged candidates."""

from collections.abc import Iterator

from analysis.findings.judged_parts import collect_estimates, find_ranked_name, find_share_name
from analysis.formatting import (
    ReportPart,
    format_count,
    format_number,
    format_percent,
    method_label,
)
from analysis.report_output.captions import describe_figure_for_screen_readers
from analysis.report_output.judged.numbers import format_bounds, format_rank_set, format_with_unit

BOTH_INTERVALS = (
    "Thin line: 95% confidence interval for new participants and new images. Thick line: for new "
    "participants who see the same images."
)
CAPTIONS = {
    "shares": (
        "Share of each method’s trials that it won; a tie for best is split equally. "
        f"{BOTH_INTERVALS} Dashed line: the share if all methods were equally good."
    ),
    "strengths": (
        f"Left: the estimates that rank the methods. {BOTH_INTERVALS} Right: rank confidence "
        "sets, the ranks that each method may have. Together they contain all true ranks in at "
        "least 95% of studies."
    ),
    "matrix": (
        "How often the method of the row won against the method of the column, in percent, with "
        "95% confidence intervals; a tie is half a win. Darker cells are farther from 50%; colored "
        "cells: the row wins, gray cells: the column wins."
    ),
    "mean-ranks": f"Mean rank among the candidates of a trial. {BOTH_INTERVALS}",
    "images": (
        "Estimate for each image, with its 95% interval. The fewer judgments an image has, the "
        "more its estimate is shrunk toward the mean of the method."
    ),
    "scores": f"Mean opinion score on the scale “{{}}”. {BOTH_INTERVALS}",
    "grades": (
        "Ratings on the scale “{}”: share of each grade, from the lowest (left, light) to the "
        "highest (right, dark), in percent; on the right, the number of ratings."
    ),
    "spreads": (
        "Ratings on the scale “{}”: median (dot), middle 50% (thick line) and middle 90% (thin "
        "line)."
    ),
    "raters": (
        "Each participant on the scale “{}”: bias, the mean difference of their ratings from the "
        "mean ratings of the same stimuli, and inconsistency, the standard deviation of these "
        "differences. For screening only; no score is corrected."
    ),
}
TITLES = {
    "shares": "Share of wins",
    "strengths": "Strengths and possible ranks",
    "matrix": "Win rate of each pair of methods",
    "mean-ranks": "Mean ranks",
    "images": "Estimate of each image",
    "scores": "Mean opinion scores",
    "grades": "Distribution of ratings",
    "raters": "Bias and inconsistency of participants",
}


def format_caption(key: str, report: ReportPart) -> str:
    """Return the caption of a figure. key: its name, with the scale of ratings after a hyphen."""
    name, scale = _split_key(key)
    if name == "grades" and any(
        entry.get("scores", {}).get(scale, {"grades": True})["grades"] is None
        for entry in report["methods"].values()
    ):
        name = "spreads"
    return CAPTIONS[name].format((scale or "").replace("_", " "))


def describe_judged_figure(key: str, report: ReportPart) -> tuple[str, str]:
    """Return a figure's title and its alternative text."""
    if key == "flow":
        return describe_figure_for_screen_readers(key, report)
    name, scale = _split_key(key)
    title = TITLES[name] + (f": {scale.replace('_', ' ')}" if scale else "")
    return title, " ".join(_iterate_alt_sentences(name, scale, report))


def _split_key(key: str) -> tuple[str, str | None]:
    """Split the name of a figure into its kind and the scale of ratings."""
    if key in TITLES:
        return key, None
    name, _, scale = key.partition("-")
    return name, scale


def _iterate_alt_sentences(name: str, scale: str | None, report: ReportPart) -> Iterator[str]:
    if name == "shares":
        yield from _describe_estimates(find_share_name(report) or "", None, report)
    elif name == "strengths":
        for method in collect_estimates(report, find_ranked_name(report) or ""):
            ranks = format_rank_set(report["methods"][method]["rank_set"])
            yield f"{method_label(method)}: rank {ranks}."
        yield from _describe_estimates(find_ranked_name(report) or "", None, report)
    elif name == "matrix":
        for pair in report["pairs"]:
            a, b = method_label(pair["a"]), method_label(pair["b"])
            yield f"{a} against {b}: {format_percent(pair['win_rate'], 0)}%."
    elif name == "mean-ranks":
        yield from _describe_estimates("mean_rank", None, report)
    elif name == "images":
        yield from _describe_images(scale, report)
    elif name == "scores":
        yield from _describe_estimates("mean_opinion", scale, report)
    elif name == "grades":
        yield from _describe_scores(scale or "", report)
    elif name == "raters":
        yield from _describe_raters(scale or "", report)


def _describe_estimates(name: str, scale: str | None, report: ReportPart) -> Iterator[str]:
    for method, one in collect_estimates(report, name, scale).items():
        interval = f", 95% CI {format_bounds(name, one['ci95'])}" if one["ci95"] else ""
        yield f"{method_label(method)}: {format_with_unit(name, one['value'])}{interval}."


def _describe_images(scale: str | None, report: ReportPart) -> Iterator[str]:
    name = (find_share_name(report) or "") if scale is None else "mean_opinion"
    for method in report["methods"]:
        values = [
            image["shrunk"]
            for image in report["images"]
            if image["method"] == method and image["scale"] == scale and image["shrunk"] is not None
        ]
        if values:
            low, high = format_with_unit(name, min(values)), format_with_unit(name, max(values))
            yield f"{method_label(method)}: images range from {low} to {high}."


def _describe_scores(scale: str, report: ReportPart) -> Iterator[str]:
    for method in collect_estimates(report, "mean_opinion", scale):
        spread = report["methods"][method]["scores"][scale]
        if spread["grades"] is None:
            median = format_number(spread["quantiles"][2], 1)
            yield f"{method_label(method)}: median {median}."
            continue
        total = sum(spread["grades"].values())
        shares = ", ".join(
            f"{grade}: {format_percent(count / total, 0)}%"
            for grade, count in spread["grades"].items()
        )
        yield f"{method_label(method)}: {shares}."


def _describe_raters(scale: str, report: ReportPart) -> Iterator[str]:
    raters = [rater for rater in report["raters"] if rater["scale"] == scale]
    biases = [rater["bias"] for rater in raters]
    yield (
        f"{format_count(len(raters), 'participant', 'participants')}: bias from "
        f"{format_number(min(biases), 2)} to {format_number(max(biases), 2)}."
    )
