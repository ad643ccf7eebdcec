"""The report as one self-contained page: no script, no file beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import sentences, words
from analysis.canvas import embed
from analysis.galleries import Gallery
from analysis.published import Published
from analysis.tables import error, lay_out_tables, mark_source
from analysis.words import Entry
from analysis.write_up import list_references, write_method


def render_page(
    report: Entry,
    published: Sequence[Published],
    drawings: Mapping[str, bytes],
    galleries: Sequence[Gallery],
) -> str:
    """report: as report.json. published: all known rates. drawings: SVG by the figure's name."""
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
    }
    figures = {  # ours: labels are escaped by matplotlib, words by embed
        key: Markup(embed(svg, key, *sentences.describe_figure(key, report)))
        for key, svg in drawings.items()
    }
    return environment.get_template("report.html.j2").render(
        report=report,
        say=sentences,
        figures=figures,
        galleries=galleries,
        tables=lay_out_tables(report),
        others=list(_elsewhere(report, published)),
        notes=list(_collect_notes(report)),
        method=write_method(report),
        references=list_references(report),
    )


def _elsewhere(report: Entry, published: Sequence[Published]) -> Iterator[str]:
    """The published rates that no method here is compared with."""
    for other in published:
        if not set(other.compare_with) & set(report["methods"]):
            entry = vars(other)
            yield f"{other.label} {words.percent(other.rate)}{error(entry)}{mark_source(entry)}"


def _collect_notes(report: Entry) -> Iterator[str]:
    """What is flagged, in words; each names its method or pair."""
    flagged = [(words.name(method), entry) for method, entry in report["methods"].items()]
    flagged += [
        (f"{words.name(pair['a'])} and {words.name(pair['b'])}", pair)
        for pair in report["differences"]
    ]
    for who, entry in flagged:
        yield from (f"{who}: {sentences.FLAGS[flag]}." for flag in entry["flags"])
