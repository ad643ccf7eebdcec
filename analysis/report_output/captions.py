"""Titles of the figures, and what they show in words for who cannot see them."""

from collections.abc import Iterator

from analysis.formatting import (
    SPACE,
    Entry,
    capitalize,
    interval,
    name,
    number,
    order_pair,
    percent,
    plural,
)


def describe_figure(key: str, report: Entry) -> tuple[str, str]:
    """(title, what it shows) of a figure, for who cannot see it."""
    title, tell = FIGURES[key]
    return title, " ".join(tell(report))


def _show_rates(report: Entry) -> Iterator[str]:
    for method, rate in report["methods"].items():
        yield f"{name(method)}: {percent(rate['rate'])}{SPACE}%, interval {interval(rate['ci95'])}."


def _show_differences(report: Entry) -> Iterator[str]:
    for pair in map(order_pair, report["differences"]):
        size = f"{percent(pair.size)} points, interval {interval(pair.bounds)}"
        yield f"{name(pair.more)} less {name(pair.less)}: {size}."


def _show_images(report: Entry) -> Iterator[str]:
    for method in report["methods"]:
        rates = [
            image["shrunk_rate"]
            for image in report["images"]
            if image["method"] == method and image["shrunk_rate"] is not None
        ]
        if rates:
            ends = f"{percent(min(rates), 0)} to {percent(max(rates), 0)}{SPACE}%"
            yield f"{name(method)}: estimates of its fakes go from {ends}."


def _show_people(report: Entry) -> Iterator[str]:
    for method, rate in report["methods"].items():
        people = plural(rate["participants"], "person", "people")
        yield f"{name(method)}: {people} around {percent(rate['rate'])}{SPACE}%."


def _show_times(report: Entry) -> Iterator[str]:
    for row in report["rt"]:
        if row["trials"]:
            kind = "fooled" if row["fooled"] else "not fooled"
            yield f"{name(row['method'])}, {kind}: median {number(row['median_ms'])} ms."


def _show_flow(report: Entry) -> Iterator[str]:
    for step in report["exclusions"]["flow"]:
        people = plural(step["participants"], "person", "people")
        yield f"{capitalize(step['step'])}: {people}, {number(step['trials'])} trials."


FIGURES = {
    "rates": ("Fooling rates", _show_rates),
    "differences": ("Differences between methods", _show_differences),
    "images": ("Rates of single fakes", _show_images),
    "people": ("Rates of single people", _show_people),
    "times": ("Response times", _show_times),
    "flow": ("Who was counted", _show_flow),
}
