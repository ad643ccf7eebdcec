"""Titles of the figures, and what they show in words for who cannot see them."""

from collections.abc import Iterator

from analysis.formatting import (
    NARROW_SPACE,
    ReportPart,
    capitalize,
    format_count,
    format_interval,
    format_number,
    format_percent,
    method_label,
    order_difference,
)


def describe_figure_for_screen_readers(key: str, report: ReportPart) -> tuple[str, str]:
    """(title, what it shows) of a figure, for who cannot see it."""
    title, tell = FIGURE_TEXTS[key]
    return title, " ".join(tell(report))


def _format_rates_alt_text(report: ReportPart) -> Iterator[str]:
    for method, rate in report["methods"].items():
        yield (
            f"{method_label(method)}: {format_percent(rate['rate'])}{NARROW_SPACE}%, interval "
            f"{format_interval(rate['ci95'])}."
        )


def _format_differences_alt_text(report: ReportPart) -> Iterator[str]:
    for pair in map(order_difference, report["differences"]):
        size = f"{format_percent(pair.difference)} points, interval {format_interval(pair.ci95)}"
        yield f"{method_label(pair.higher)} less {method_label(pair.lower)}: {size}."


def _format_images_alt_text(report: ReportPart) -> Iterator[str]:
    for method in report["methods"]:
        rates = [
            image["shrunk_rate"]
            for image in report["images"]
            if image["method"] == method and image["shrunk_rate"] is not None
        ]
        if rates:
            ends = (
                f"{format_percent(min(rates), 0)} to {format_percent(max(rates), 0)}{NARROW_SPACE}%"
            )
            yield f"{method_label(method)}: estimates of its fakes go from {ends}."


def _format_participants_alt_text(report: ReportPart) -> Iterator[str]:
    for method, rate in report["methods"].items():
        participants = format_count(rate["participants"], "person", "people")
        yield (
            f"{method_label(method)}: {participants} around "
            f"{format_percent(rate['rate'])}{NARROW_SPACE}%."
        )


def _format_times_alt_text(report: ReportPart) -> Iterator[str]:
    for row in report["rt"]:
        if row["trials"]:
            kind = "fooled" if row["fooled"] else "not fooled"
            yield (
                f"{method_label(row['method'])}, {kind}: median {format_number(row['median_ms'])} "
                f"ms."
            )


def _format_flow_alt_text(report: ReportPart) -> Iterator[str]:
    for step in report["exclusions"]["flow"]:
        participants = format_count(step["participants"], "person", "people")
        yield f"{capitalize(step['step'])}: {participants}, {format_number(step['trials'])} trials."


FIGURE_TEXTS = {
    "rates": ("Fooling rates", _format_rates_alt_text),
    "differences": ("Differences between methods", _format_differences_alt_text),
    "images": ("Rates of single fakes", _format_images_alt_text),
    "people": ("Rates of single people", _format_participants_alt_text),
    "times": ("Response times", _format_times_alt_text),
    "flow": ("Who was counted", _format_flow_alt_text),
}
