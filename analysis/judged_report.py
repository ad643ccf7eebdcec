"""Write the report on a task whose candidates are judged, with tables, figures and galleries."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.checks.attention_checks import list_attention_checks, summarize_attention_checks
from analysis.checks.deviations import add_changes, check_judged_against_design
from analysis.checks.timing import summarize_timing
from analysis.exclusions.flow import AnalysisSample
from analysis.figures.canvas import render_figure
from analysis.figures.judged import draw_judged_figures
from analysis.files import atomic_write_files
from analysis.findings import report_data
from analysis.formatting import ReportDict
from analysis.inference.intervals import Interval
from analysis.inputs.design import Design
from analysis.inputs.judgments import Judgments
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.report_output.galleries import StimulusFiles
from analysis.report_output.judged.csv_files import render_judged_csv_files
from analysis.report_output.judged.galleries import build_judged_galleries
from analysis.report_output.judged.latex import render_judged_latex
from analysis.report_output.judged.page import render_judged_page
from analysis.report_output.judged.sentences import list_findings
from analysis.report_output.sentences import PARTICIPANT_WORDS
from analysis.tasks.agreement import describe_agreement, describe_repeats
from analysis.tasks.answers import score_judgments
from analysis.tasks.catalog import JUDGED_TASKS
from analysis.tasks.judged import NOT_DESCRIBED, build_judged_sample
from analysis.tasks.learning import describe_learning, list_trends
from analysis.tasks.subgroups import describe_subgroups

RT_QUANTILES = {"q05_ms": 0.05, "q25_ms": 0.25, "median_ms": 0.5, "q75_ms": 0.75, "q95_ms": 0.95}


def assemble_judged_report(
    responses: Responses, judgments: Judgments, task_name: str, options: report_data.ReportOptions
) -> ReportDict:
    """Analyze the judgments; the same input and options give an equal report."""
    task, plan = JUDGED_TASKS[task_name], options.effective_plan()
    selected = select_mode(select_study(responses, options.study), options.mode)
    sample = replace(
        build_judged_sample(responses, selected, judgments, plan.rules, task.is_check_passed),
        scale_ends=_find_scale_ends(judgments, options.design),
    )
    excluded, table = sample.exclusions, sample.exclusions.table
    answers = score_judgments(sample, task_name)
    is_test = selected.isin("kind", "test")
    test = selected.select(is_test)
    return {
        "schema": report_data.REPORT_SCHEMA,
        "task": task_name,
        "input": {
            "sha256": selected.sha256,
            "study": selected.distinct("study")[0],
            "rows": len(selected),
            "participants": len(table.participants),
            "images": len(np.unique(judgments.image[is_test[judgments.trial]])),
            "mode": selected.distinct("mode")[0],
            "candidates": test.distinct("candidates"),
            **{key: test.distinct(key) for key in ("presentation", "exposure_ms")},
            "scales": _list_scales(judgments, options.design),
        },
        "design": asdict(
            add_changes(
                check_judged_against_design(options.design, plan, selected, table, judgments),
                options.changes,
            )
        ),
        "exclusions": report_data.describe_participants(excluded),
        **NOT_DESCRIBED,
        **task.describe(sample, options.ties),
        "attention_checks": asdict(
            summarize_attention_checks(
                list_attention_checks(table), excluded.measures, excluded.rules
            )
        ),
        "consistency": describe_repeats(sample, judgments),
        "agreement": describe_agreement(answers),
        "rt": _summarize_times(excluded),
        "timing": asdict(summarize_timing(selected, table)),
        "questionnaire": report_data.describe_questionnaire(excluded, options),
        "subgroups": describe_subgroups(answers, options.covariates),
        "learning": describe_learning(list_trends(answers)),
        "software": report_data.describe_software(),
        "seed": options.seed,
    }


def write_judged_report(
    report: ReportDict, out: Path, stimulus_files: StimulusFiles, notice: str
) -> list[str]:
    """Write the report to the folder `out`; return its findings as a few lines.

    stimulus_files: the images that the galleries show. notice: printed above each figure.
    """
    figures = {
        f"figures/{key}.{kind}": render_figure(figure, kind, notice)
        for key, figure in draw_judged_figures(report).items()
        for kind in ("svg", "png")
    }
    svgs = {Path(name).stem: drawing for name, drawing in figures.items() if name.endswith(".svg")}
    task = JUDGED_TASKS[report["task"]]
    galleries = build_judged_galleries(report, stimulus_files)
    numbers = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write_files(
        out,
        {
            **figures,
            **render_judged_csv_files(report),
            "tables.tex": render_judged_latex(report),
            "report.json": f"{numbers}\n".encode(),
            "report.html": render_judged_page(report, task, svgs, galleries).encode(),
        },
    )
    mode = report["input"]["mode"]
    source = [] if mode == "live" else [f"All answers are from {PARTICIPANT_WORDS[mode]}."]
    return [*source, *list_findings(report), str(out / "report.html")]


def _list_scales(judgments: Judgments, design: Design | None) -> dict[str, list[float]]:
    """Return the ends of each scale, as designed or, without a design, as used."""
    ends = {name: list(planned) for name, planned in _list_planned_scales(design).items()}
    used = {
        scale: judgments.value[judgments.scale == scale]
        for scale in sorted(set(judgments.scale.tolist()) - {"rank", *ends})
    }
    return ends | {scale: [float(v.min()), float(v.max())] for scale, v in used.items()}


def _find_scale_ends(judgments: Judgments, design: Design | None) -> dict[str, Interval]:
    """Return the ends of each designed scale, if all scores lie between them."""
    ends = {}
    for name, (low, high) in _list_planned_scales(design).items():
        scores = judgments.value[judgments.scale == name]
        if ((low <= scores) & (scores <= high)).all():
            ends[name] = (float(low), float(high))
    return ends


def _list_planned_scales(design: Design | None) -> dict[str, Interval]:
    """Return the lowest and the highest score of each scale of the protocol."""
    planned = design.protocol.get("scales", []) if design else []
    return {scale["name"]: (scale["min"], scale["max"]) for scale in planned}


def _summarize_times(sample: AnalysisSample) -> dict[str, Any] | None:
    """Return the quantiles of the included response times; None without any."""
    rt_ms = sample.select_included(sample.table.rt_ms)
    rt_ms = rt_ms[np.isfinite(rt_ms)]
    if not len(rt_ms):
        return None
    quantiles = np.quantile(rt_ms, list(RT_QUANTILES.values())).tolist()
    return {"trials": len(rt_ms), **dict(zip(RT_QUANTILES, quantiles, strict=True))}
