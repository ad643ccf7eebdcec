"""Titles and alternative texts of the figures."""

from collections.abc import Iterator

from analysis.formatting import (
    ReportPart,
    capitalize,
    format_count,
    format_interval,
    format_number,
    format_percent,
    format_share,
    method_label,
)
from analysis.inference.intervals import Interval
from analysis.report_output.exposures.sentences import describe_exposure_figure


def describe_figure_for_screen_readers(key: str, report: ReportPart) -> tuple[str, str]:
    """Return a figure's title and its alternative text."""
    title, alt_sentences = FIGURE_TEXTS[key]
    return title, " ".join(alt_sentences(report))


def _format_rates_alt_text(report: ReportPart) -> Iterator[str]:
    for method, rate in report["methods"].items():
        if rate["rate"] is None:
            yield f"{method_label(method)}: no included trials."
        else:
            share = f"{format_share(rate['rate'])}%{_format_ci(rate['ci95'])}"
            yield f"{method_label(method)}: {share}."


def _format_ci(bounds: Interval | None) -> str:
    return f", 95% CI {format_interval(bounds)}" if bounds else ", no interval"


def _format_differences_alt_text(report: ReportPart) -> Iterator[str]:
    for pair in report["differences"]:
        yield (
            f"{method_label(pair['a'])} − {method_label(pair['b'])}: "
            f"{format_share(pair['difference'])} points{_format_ci(pair['ci95'])}."
        )


def _format_images_alt_text(report: ReportPart) -> Iterator[str]:
    for method in report["methods"]:
        rates = [
            image["shrunk_rate"]
            for image in report["images"]
            if image["method"] == method and image["shrunk_rate"] is not None
        ]
        if rates:
            ends = f"{format_percent(min(rates), 0)} to {format_percent(max(rates), 0)}%"
            yield f"{method_label(method)}: estimates for its fakes range from {ends}."


def _format_participants_alt_text(report: ReportPart) -> Iterator[str]:
    for method, rate in report["methods"].items():
        participants = format_count(rate["participants"], "participant", "participants")
        if rate["rate"] is not None:
            yield (
                f"{method_label(method)}: {participants}, overall rate "
                f"{format_share(rate['rate'])}%."
            )


def _format_times_alt_text(report: ReportPart) -> Iterator[str]:
    for row in report["rt"]:
        if row["trials"]:
            kind = "fooled" if row["fooled"] else "not fooled"
            yield (
                f"{method_label(row['method'])}, {kind}: median {format_number(row['median_ms'])} "
                "ms."
            )


def _format_flow_alt_text(report: ReportPart) -> Iterator[str]:
    for step in report["exclusions"]["flow"]:
        participants = format_count(step["participants"], "participant", "participants")
        trials = format_count(step["trials"], "trial", "trials")
        yield f"{capitalize(step['step'])}: {participants}, {trials}."


def _format_exposures_alt_text(report: ReportPart) -> Iterator[str]:
    return describe_exposure_figure(report["by_exposure"])


FIGURE_TEXTS = {
    "rates": ("Fooling rates", _format_rates_alt_text),
    "differences": ("Differences between methods", _format_differences_alt_text),
    "exposures": ("Results by exposure", _format_exposures_alt_text),
    "images": ("Fooling rate of each fake", _format_images_alt_text),
    "people": ("Fooling rate of each participant", _format_participants_alt_text),
    "times": ("Response times", _format_times_alt_text),
    "flow": ("Participant flow", _format_flow_alt_text),
}
