"""Render the report as one self-contained page, without scripts or external files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import formatting
from analysis.figures.canvas import inline_svg
from analysis.formatting import ReportPart
from analysis.inputs.published import PublishedRate
from analysis.report_output import (
    participant_sentences,
    participant_tables,
    rate_tables,
    sentences,
    study_sentences,
)
from analysis.report_output.captions import describe_figure_for_screen_readers
from analysis.report_output.exclusions import tables as exclusion_tables
from analysis.report_output.exposures import tables as exposure_tables
from analysis.report_output.exposures.sentences import list_exposure_sentences
from analysis.report_output.galleries import Gallery
from analysis.report_output.glossary import FLAG_TEXTS, PAIR_FLAG_TEXTS
from analysis.report_output.methods_section import format_methods_section, list_references
from analysis.report_output.shared import behavior_tables, subgroup_tables
from analysis.report_output.tables import (
    ReportTable,
    format_pair,
    format_source_mark,
    format_standard_error,
)


def render_page(
    report: ReportPart,
    published: Sequence[PublishedRate],
    svgs: Mapping[str, bytes],
    galleries: Sequence[Gallery],
) -> str:
    """Render report.html.

    report: the contents of report.json. published: all known rates. svgs: SVG by figure name.
    """
    figures = embed_figures(svgs, partial(describe_figure_for_screen_readers, report=report))
    return (
        make_environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            sentences=sentences,
            exposure_sentences=list_exposure_sentences(report["by_exposure"]),
            study_sentences=study_sentences,
            participant_sentences=list(participant_sentences.iterate_answer_sentences(report)),
            figures=figures,
            galleries=galleries,
            tables=build_tables(report),
            other_published_rates=list(_other_published_rates(report, published)),
            notes=list(_iterate_flag_notes(report)),
            method=format_methods_section(report),
            references=list_references(report),
        )
    )


@cache
def make_environment(*folders: Path) -> Environment:
    """Return the templates of the report and of other folders, with the filters that they use.

    They are compiled once, however many reports are made; nobody may change the environment.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "method_label": formatting.method_label,
        "format_number": formatting.format_number,
        "format_share": formatting.format_share,
        "format_interval": formatting.format_interval,
    }
    return environment


def embed_figures(
    svgs: Mapping[str, bytes], describe: Callable[[str], tuple[str, str]]
) -> dict[str, Markup]:
    """Prepare the figures for the page.

    describe: returns the title and the alternative text of the figure of that name.
    """
    return {  # safe: matplotlib escapes the labels, inline_svg the descriptions
        key: Markup(inline_svg(svg, key, *describe(key))) for key, svg in svgs.items()
    }


def _other_published_rates(report: ReportPart, published: Sequence[PublishedRate]) -> Iterator[str]:
    """Yield the published rates that are not compared with any method of this study."""
    for other in published:
        if not set(other.compare_with) & set(report["methods"]):
            rate = formatting.format_percent(other.rate)
            mark = format_source_mark(other.read_from)
            yield f"{other.label} {rate}{format_standard_error(vars(other))}{mark}"


def _iterate_flag_notes(report: ReportPart) -> Iterator[str]:
    """Yield a note for each flag, with the methods or pairs of methods that it concerns."""
    methods = [
        (formatting.method_label(method), entry) for method, entry in report["methods"].items()
    ]
    pairs = [(format_pair(pair), pair) for pair in report["differences"]]
    for flagged, texts in ((methods, FLAG_TEXTS), (pairs, PAIR_FLAG_TEXTS)):
        for flag in dict.fromkeys(flag for _, entry in flagged for flag in entry["flags"]):
            flagged_names = [one for one, entry in flagged if flag in entry["flags"]]
            yield f"{formatting.join_words(flagged_names)}: {texts[flag]}."


def build_tables(report: ReportPart) -> dict[str, list[ReportTable]]:
    """Return the tables by section title, without empty tables and sections."""
    rates, participants = rate_tables, participant_tables
    sections = {
        "Fooling rates": [
            rates.tabulate_rates,
            rates.tabulate_other_intervals,
            rates.tabulate_participant_averages,
            rates.tabulate_bootstrap,
            rates.tabulate_error_rates,
        ],
        "Differences between methods": [
            rates.tabulate_differences,
            rates.tabulate_equivalence,
            rates.tabulate_mixed_differences,
        ],
        "Results by exposure": [
            exposure_tables.tabulate_hype_time,
            exposure_tables.tabulate_rates_by_exposure,
            exposure_tables.tabulate_thresholds,
            exposure_tables.tabulate_threshold_ratios,
        ],
        "Results by covariate": [
            subgroup_tables.tabulate_subgroups,
            subgroup_tables.tabulate_subgroup_differences,
        ],
        "Comparison with published rates": [rates.tabulate_published],
        "Sensitivity": [rates.tabulate_signal_detection],
        "Sources of variation": [
            rates.tabulate_variance,
            rates.tabulate_mixed,
            rates.tabulate_influence,
        ],
        "Response behavior": [
            participants.tabulate_side_bias,
            participants.tabulate_consistency,
            participants.tabulate_order_effect,
            behavior_tables.tabulate_learning,
            participants.tabulate_response_times,
            participants.tabulate_attention_checks,
            participants.tabulate_exposures,
        ],
        "Answers to questions": [participants.tabulate_choices, participants.tabulate_numbers],
        "Exclusions and robustness": [
            exclusion_tables.tabulate_flow,
            exclusion_tables.tabulate_reasons,
            exclusion_tables.tabulate_co_occurrence,
            exclusion_tables.tabulate_rates_under_other_rules,
            exclusion_tables.tabulate_differences_under_other_rules,
            exclusion_tables.tabulate_not_applicable,
            exclusion_tables.tabulate_deviations,
        ],
    }
    drawn = {title: [draw(report) for draw in tables] for title, tables in sections.items()}
    filled = {title: [table for table in tables if table.rows] for title, tables in drawn.items()}
    return {title: tables for title, tables in filled.items() if tables}
