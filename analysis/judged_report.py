"""Write the report on a task whose candidates are judged: report.json, report.html and a table."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis import report_data
from analysis.checks.attention_checks import summarize_attention_checks
from analysis.checks.deviations import check_judged_against_design
from analysis.checks.timing import summarize_timing
from analysis.files import atomic_write_files
from analysis.formatting import ReportDict, ReportPart, format_number, format_p, method_label
from analysis.inputs.judgments import Judgments
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.report_output import participant_tables
from analysis.report_output.shared import behavior_tables, subgroup_tables
from analysis.report_output.shared.csv_files import render_shared_csv_files
from analysis.report_output.tables import ReportTable
from analysis.tasks.agreement import describe_agreement, describe_repeats
from analysis.tasks.answers import score_judgments
from analysis.tasks.catalog import JUDGED_TASKS, JudgedTask
from analysis.tasks.judged import build_judged_sample
from analysis.tasks.learning import describe_learning
from analysis.tasks.subgroups import describe_subgroups

TEMPLATES = Path(__file__).parent / "report_output"
ESTIMATE_FIELDS = ("value", "se", "low", "high", "df", "participants", "images", "trials")


def assemble_judged_report(
    responses: Responses, judgments: Judgments, task_name: str, options: report_data.ReportOptions
) -> ReportDict:
    """Analyze the judgments; the same input and options give an equal report."""
    task, plan = JUDGED_TASKS[task_name], options.effective_plan()
    selected = select_mode(select_study(responses, options.study), options.mode)
    sample = build_judged_sample(responses, selected, judgments, plan.rules, task.is_check_passed)
    excluded, table = sample.exclusions, sample.exclusions.table
    answers = score_judgments(sample, task_name)
    test = selected.select(selected.isin("kind", "test"))
    return {
        "schema": report_data.REPORT_SCHEMA,
        "task": task_name,
        "input": {
            "sha256": selected.sha256,
            "study": selected.distinct("study")[0],
            "rows": len(selected),
            "participants": len(table.participants),
            "images": len(set(judgments.image.tolist())),
            "mode": selected.distinct("mode")[0],
            "candidates": test.distinct("candidates"),
            **{key: test.distinct(key) for key in ("presentation", "exposure_ms")},
        },
        "design": asdict(
            check_judged_against_design(options.design, plan, selected, table, judgments)
        ),
        "exclusions": report_data.describe_participants(excluded),
        **task.describe(sample),
        "attention_checks": asdict(
            summarize_attention_checks(table, excluded.measures, excluded.rules)
        ),
        "consistency": describe_repeats(sample, judgments),
        "agreement": describe_agreement(answers),
        "timing": asdict(summarize_timing(selected, table)),
        "questionnaire": report_data.describe_questionnaire(excluded, options),
        "subgroups": describe_subgroups(answers, options.covariates),
        "learning": describe_learning(answers),
        "software": report_data.describe_software(),
        "seed": options.seed,
    }


def write_judged_report(report: ReportDict, out: Path) -> list[str]:
    """Write the report to the folder `out`; return its findings as a few lines."""
    task = JUDGED_TASKS[report["task"]]
    numbers = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write_files(
        out,
        {
            "estimates.csv": _render_csv(report),
            **render_shared_csv_files(report),
            "report.json": f"{numbers}\n".encode(),
            "report.html": _render_page(report, task).encode(),
        },
    )
    sentences = [
        f"{method_label(method)}: {name} {_format_estimate(estimate)}"
        for method, name, estimate in _iterate_estimates(report)
    ]
    return [*sentences, str(out / "report.html")]


def _iterate_estimates(report: ReportPart) -> list[tuple[str, str, ReportPart]]:
    """Return (method, name of the estimate, estimate); those of scales are named by the scale."""
    rows = []
    for method, entry in report["methods"].items():
        for name, estimate in entry.items():
            if name == "rank_set":
                continue
            scales = estimate.items() if name == "mean_opinion" else [(name, estimate)]
            rows += [(method, str(key), one) for key, one in scales]
    return rows


def _format_estimate(estimate: ReportPart) -> str:
    low, high = estimate["ci95"] or (None, None)
    value = format_number(estimate["value"], 3)
    return f"{value}, 95% CI {format_number(low, 3)} to {format_number(high, 3)}"


def _render_csv(report: ReportPart) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("method", "estimate", *ESTIMATE_FIELDS))
    for method, name, one in _iterate_estimates(report):
        low, high = one["ci95"] or (None, None)
        fields = {**one, "low": low, "high": high}
        writer.writerow((method, name, *(fields[field] for field in ESTIMATE_FIELDS)))
    return text.getvalue().encode()


def _render_page(report: ReportPart, task: JudgedTask) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("judged.html.j2").render(
        report=report, title=task.TITLE, sections=_build_tables(report, task)
    )


def _build_tables(report: ReportPart, task: JudgedTask) -> dict[str, list[ReportTable]]:
    """Return the tables by section, without empty ones."""
    tables = participant_tables
    sections = {
        "Ranks": [_tabulate_rank_sets(report)],
        "Estimates": _tabulate_estimates(report, task),
        "Differences between methods": [_tabulate_differences(report), _tabulate_pairs(report)],
        "Results by covariate": [
            subgroup_tables.tabulate_subgroups(report),
            subgroup_tables.tabulate_subgroup_differences(report),
        ],
        "Response behavior": [
            behavior_tables.tabulate_agreement(report),
            behavior_tables.tabulate_repeats(report),
            behavior_tables.tabulate_learning(report),
            tables.tabulate_attention_checks(report),
            tables.tabulate_exposures(report),
        ],
        "Answers to questions": [
            tables.tabulate_choices(report),
            tables.tabulate_numbers(report),
        ],
        "Exclusions": [
            tables.tabulate_flow(report),
            tables.tabulate_reasons(report),
            tables.tabulate_co_occurrence(report),
            tables.tabulate_not_applicable(report),
            tables.tabulate_deviations(report),
        ],
    }
    filled = {
        title: [table for table in listed if table.rows] for title, listed in sections.items()
    }
    return {title: listed for title, listed in filled.items() if listed}


def _tabulate_estimates(report: ReportPart, task: JudgedTask) -> list[ReportTable]:
    estimates = _iterate_estimates(report)
    return [
        ReportTable(
            task.ESTIMATE_TITLES.get(name, f"Mean opinion score: {name}"),
            ("", "Estimate", "95% CI", "SE", "People", "Images", "Judgments"),
            [
                (
                    method_label(method),
                    format_number(one["value"], 3),
                    _format_estimate(one).partition("CI ")[2],
                    format_number(one["se"], 3),
                    *(f"{one[key]:,}" for key in ("participants", "images", "trials")),
                )
                for method, own_name, one in estimates
                if own_name == name
            ],
            note="Intervals are for new participants and new images.",
        )
        for name in dict.fromkeys(name for _, name, _ in estimates)
    ]


def _tabulate_rank_sets(report: ReportPart) -> ReportTable:
    """Return the possible ranks of each method, the best first."""
    ranked = [
        (entry["rank_set"], method)
        for method, entry in report["methods"].items()
        if "rank_set" in entry
    ]
    return ReportTable(
        "Rank confidence sets: the ranks that each method may have",
        ("", "Best rank", "Worst rank"),
        [(method_label(method), str(low), str(high)) for (low, high), method in sorted(ranked)],
        note=_explain_rank_sets(report["unconnected"]),
    )


def _explain_rank_sets(unconnected: Sequence[str]) -> str:
    rule = (
        "Together, the sets contain all true ranks in at least 95% of studies. Methods whose sets "
        "overlap cannot be ranked by these data."
    )
    if not unconnected:
        return rule
    names = " and ".join(map(method_label, unconnected))
    return (
        f"{rule} Strengths have no finite estimate, because {names} won or lost every comparison "
        "with the other methods; the sets are based on shares instead."
    )


def _tabulate_differences(report: ReportPart) -> ReportTable:
    return ReportTable(
        "Differences between two methods, with p values adjusted by Holm",
        ("", "Of", "Difference", "95% CI", "p", "adjusted"),
        [
            (
                f"{method_label(one['a'])} − {method_label(one['b'])}",
                one["of"].replace("_", " ").replace(":", ": "),
                format_number(one["difference"], 3),
                " to ".join(format_number(bound, 3) for bound in one["ci95"] or (None, None)),
                format_p(one["p"]),
                format_p(one["p_holm"]),
            )
            for one in report["differences"]
        ],
        text_columns=(1,),
    )


def _tabulate_pairs(report: ReportPart) -> ReportTable:
    return ReportTable(
        "Direct comparisons",
        ("", "First won", "Ties", "Comparisons", "Win rate of the first", "95% CI"),
        [
            (
                f"{method_label(one['a'])} and {method_label(one['b'])}",
                *(f"{one[key]:,}" for key in ("wins_a", "ties", "trials")),
                format_number(one["win_rate"], 3),
                " to ".join(format_number(bound, 3) for bound in one["ci95"] or (None, None)),
            )
            for one in report["pairs"]
        ],
    )
