"""The report as one self-contained page: no script, no file beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import words
from analysis.figures import embed
from analysis.published import Published


def render_page(report: Mapping[str, Any], published: Sequence[Published], rates_svg: bytes) -> str:
    """report: as report.json. published: all known rates. rates_svg: of `draw_rates`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "name": words.name,
        "number": words.number,
        "percent": words.percent,
        "interval": words.interval,
        "p_value": words.p_value,
    }
    figure = embed(rates_svg, "Fooling rates", words.tell_rates(report["methods"]))
    return environment.get_template("report.html.j2").render(
        report=report,
        words=words,
        figure=Markup(figure),  # ours: labels are escaped by matplotlib, words by embed
        others=[
            other for other in published if not set(other.compare_with) & set(report["methods"])
        ],
        notes=_collect_notes(report),
    )


def _collect_notes(report: Mapping[str, Any]) -> list[str]:
    """What is flagged, in words; each names its method or pair."""
    flagged = [(words.name(method), entry) for method, entry in report["methods"].items()]
    flagged += [
        (f"{words.name(pair['a'])} and {words.name(pair['b'])}", pair)
        for pair in report["differences"]
    ]
    return [f"{who}: {words.FLAGS[flag]}." for who, entry in flagged for flag in entry["flags"]]
