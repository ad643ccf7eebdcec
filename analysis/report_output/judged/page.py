"""Render the report on judged candidates as one self-contained page."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from analysis.formatting import ReportPart, format_number, join_words, method_label
from analysis.inference.image_ranking import MIN_RELIABILITY
from analysis.report_output import participant_sentences, study_sentences
from analysis.report_output.galleries import Gallery
from analysis.report_output.glossary import UNRANKED_TEXTS
from analysis.report_output.judged.captions import describe_judged_figure, format_caption
from analysis.report_output.judged.methods_section import (
    format_judged_methods_section,
    list_judged_references,
)
from analysis.report_output.judged.notes import list_notes
from analysis.report_output.judged.sentences import (
    format_chance_sentence,
    list_difference_sentences,
    list_findings,
    list_ranking_sentences,
)
from analysis.report_output.judged.tables import build_judged_tables
from analysis.report_output.page import embed_figures, make_environment
from analysis.tasks.catalog import JudgedTask

IMAGE_FIGURES = ("images",)  # their place is above the galleries
RATER_FIGURES = ("raters",)  # their place is among the participants


def render_judged_page(
    report: ReportPart, task: JudgedTask, svgs: Mapping[str, bytes], galleries: Sequence[Gallery]
) -> str:
    """Render report.html.

    report: the contents of report.json. task: its task. svgs: SVG by figure name.
    """
    kinds = {key: key.partition("-")[0] for key in svgs}
    image_keys = [key for key in svgs if kinds[key] in IMAGE_FIGURES]
    rater_keys = [key for key in svgs if kinds[key] in RATER_FIGURES]
    main_keys = [key for key in svgs if key not in (*image_keys, *rater_keys, "flow")]
    return (
        make_environment()
        .get_template("judged.html.j2")
        .render(
            report=report,
            title=task.TITLE,
            label=task.LABEL,
            findings=list_findings(report),
            paragraphs=[
                *list_ranking_sentences(report),
                *filter(None, [format_chance_sentence(report)]),
                *list_difference_sentences(report),
            ],
            sample_sentences=[
                study_sentences.format_sample_sentence(report),
                study_sentences.format_design_sentence(report),
            ],
            participant_sentences=list(participant_sentences.iterate_answer_sentences(report)),
            figures=embed_figures(svgs, partial(describe_judged_figure, report=report)),
            main_keys=main_keys,
            image_keys=image_keys,
            rater_keys=rater_keys,
            caption=partial(format_caption, report=report),
            galleries=galleries,
            image_sentences=list(_iterate_image_sentences(report)),
            notes=list_notes(report),
            method=format_judged_methods_section(report, task),
            references=list_judged_references(report, task),
            tables=build_judged_tables(report, task),
        )
    )


def _iterate_image_sentences(report: ReportPart) -> Iterator[str]:
    """Say how reliable the ranking of single images is, and why some are not ranked."""
    named = [(_name_ranking(one), one) for one in report["image_rankings"]]
    reliable = [(name, one) for name, one in named if one["reliability"] is not None]
    if reliable:
        listed = join_words(
            [f"{format_number(one['reliability'], 2)} for {name}" for name, one in reliable]
        )
        yield f"The reliability of a single image’s score, from 0 to 1, is {listed}."
    noisy = [name for name, one in reliable if one["reliability"] < MIN_RELIABILITY]
    if noisy:
        yield (
            f"Below {MIN_RELIABILITY}, a ranking is mostly noise, so the images of "
            f"{join_words(noisy)} are not ranked."
        )
    for name, one in named:
        for flag in one["flags"][:1]:
            yield f"The images of {name} cannot be ranked: {UNRANKED_TEXTS[flag]}."


def _name_ranking(one: ReportPart) -> str:
    scale = f" ({one['scale'].replace('_', ' ')})" if one["scale"] else ""
    return method_label(one["method"]) + scale
