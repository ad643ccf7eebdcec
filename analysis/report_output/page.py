"""The report as one self-contained page: no script, no file beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import formatting
from analysis.figures.canvas import inline_svg
from analysis.formatting import ReportPart
from analysis.inputs.published import PublishedRate
from analysis.report_output import (
    captions,
    participant_sentences,
    participant_tables,
    rate_tables,
    sentences,
)
from analysis.report_output.galleries import Gallery
from analysis.report_output.glossary import FLAGS
from analysis.report_output.methods_section import list_references, write_method
from analysis.report_output.tables import Table, mark_error, mark_source, name_pair


def render_page(
    report: ReportPart,
    published: Sequence[PublishedRate],
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
        "name": formatting.method_label,
        "number": formatting.format_number,
        "percent": formatting.format_percent,
        "interval": formatting.format_interval,
    }
    figures = {  # ours: labels are escaped by matplotlib, words by embed
        key: Markup(inline_svg(svg, key, *captions.describe_figure(key, report)))
        for key, svg in drawings.items()
    }
    return environment.get_template("report.html.j2").render(
        report=report,
        say=sentences,
        remarks=list(participant_sentences.tell_answers(report)),
        figures=figures,
        galleries=galleries,
        tables=lay_out_tables(report),
        others=list(_elsewhere(report, published)),
        notes=list(_collect_notes(report)),
        method=write_method(report),
        references=list_references(report),
    )


def _elsewhere(report: ReportPart, published: Sequence[PublishedRate]) -> Iterator[str]:
    """The published rates that no method here is compared with."""
    for other in published:
        if not set(other.compare_with) & set(report["methods"]):
            entry = vars(other)
            rate = formatting.format_percent(other.rate)
            yield f"{other.label} {rate}{mark_error(entry)}{mark_source(entry)}"


def _collect_notes(report: ReportPart) -> Iterator[str]:
    """What is flagged, in words, each after the methods or pairs of methods that it is said of."""
    methods = [
        (formatting.method_label(method), entry) for method, entry in report["methods"].items()
    ]
    pairs = [(name_pair(pair), pair) for pair in report["differences"]]
    for flagged in (methods, pairs):
        for flag in dict.fromkeys(flag for _, entry in flagged for flag in entry["flags"]):
            who = [one for one, entry in flagged if flag in entry["flags"]]
            yield f"{formatting.join_words(who)}: {FLAGS[flag]}."


def lay_out_tables(report: ReportPart) -> dict[str, list[Table]]:
    """Title of a section -> its tables; none without rows."""
    found, people = rate_tables, participant_tables
    sections = {
        "Fooling rates": [
            found.tabulate_rates,
            found.tabulate_narrower,
            found.tabulate_resampled,
            found.tabulate_errors,
        ],
        "Differences between methods": [
            found.tabulate_differences,
            found.tabulate_equivalence,
            found.tabulate_mixed_differences,
        ],
        "Kinds of photographs": [found.tabulate_subgroups],
        "Beside published rates": [found.tabulate_published],
        "Sensitivity": [found.tabulate_detection],
        "What varies": [
            found.tabulate_variance,
            found.tabulate_mixed,
            found.tabulate_influence,
        ],
        "How people answered": [
            people.tabulate_sides,
            people.tabulate_consistency,
            people.tabulate_order,
            people.tabulate_times,
            people.tabulate_attention_checks,
            people.tabulate_timing,
        ],
        "Who and what was counted": [
            people.tabulate_flow,
            people.tabulate_reasons,
            people.tabulate_co_occurrence,
            people.tabulate_rates_otherwise,
            people.tabulate_differences_otherwise,
            people.tabulate_not_applicable,
            people.tabulate_deviations,
        ],
    }
    laid = {title: [draw(report) for draw in tables] for title, tables in sections.items()}
    filled = {title: [table for table in tables if table.rows] for title, tables in laid.items()}
    return {title: tables for title, tables in filled.items() if tables}
