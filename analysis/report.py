"""The command `python -m analysis.report`, which writes a report with tables and figures."""

import json
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any, get_args

import click

from analysis.files import atomic_write_files, run_command
from analysis.findings.report_data import ReportOptions, describe_sample
from analysis.inputs.changes import read_changes
from analysis.inputs.covariates import read_covariates
from analysis.inputs.design import DesignError, read_design, read_plan
from analysis.inputs.judgments import read_judgments
from analysis.inputs.nearby_files import find_design, find_stimuli
from analysis.inputs.parquet.files import resolve_source
from analysis.inputs.published import read_published_rates
from analysis.inputs.questionnaire import read_questionnaire
from analysis.inputs.responses import (
    MODES,
    HasDistinct,
    Responses,
    ResponsesError,
    select_mode,
    select_study,
)
from analysis.inputs.sources import read_responses
from analysis.judged_report import assemble_judged_report, write_judged_report
from analysis.large.connection import NotCountedError, open_source
from analysis.large.engine import DUCKDB_ROWS, ENGINES, explain_memory, is_counted
from analysis.large.report_sample import build_counted_sample
from analysis.large.tables.row_checks import check_rows
from analysis.report_files import MODE_NOTICES, make_report, write_findings
from analysis.report_output.galleries import read_stimulus_files
from analysis.report_output.shared.r_script import R_SCRIPT, render_r_script
from analysis.tasks.catalog import TASKS_WITH_TRUTH, find_task
from analysis.tasks.judged import TieModel

FILE_TYPE = click.Path(dir_okay=False, path_type=Path)
FOLDER_TYPE = click.Path(file_okay=False, path_type=Path)


def refuse_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Return the value of an option. Raises BadParameter if it is not a number."""
    if value is not None and isnan(value):
        raise click.BadParameter(f"{value} is not a number")
    return value


@click.command(name="report")
@click.argument("responses")
@click.option("--study", help="Study to report on, if the input contains several.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="Participants to include. [default: live, or simulated if there are none]",
)
@click.option(
    "--design",
    type=FILE_TYPE,
    help="design.json of `study freeze`. [default: the one next to RESPONSES, if any]",
)
@click.option(
    "--plan",
    type=FILE_TYPE,
    help="Analysis plan with exclusion rules and margin, instead of the one in the design.",
)
@click.option(
    "--stimuli",
    type=FOLDER_TYPE,
    help="Folder with the manifest.csv of the images to show. [default: found near RESPONSES]",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    callback=refuse_nan,
    help="Equivalence margin. [default: from the plan, else 0.05]",
)
@click.option(
    "--mixed",
    "always_fit_mixed",
    is_flag=True,
    help="Fit mixed models regardless of the number of trials.",
)
@click.option(
    "--bootstrap",
    "bootstrap_replicates",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of resamples for bootstrap intervals, for comparison with the closed-form ones.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the resamples.",
)
@click.option(
    "--r-script",
    "has_r_script",
    is_flag=True,
    help="Also write refit.R, which computes the main estimates again in R.",
)
@click.option(
    "--ties",
    type=click.Choice(get_args(TieModel)),
    default="half",
    show_default=True,
    help="Ties in pairs: half a win each, or an outcome of its own as in Davidson's model.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="Read all trials into memory, or count them with DuckDB (Parquet only). auto: DuckDB from "
    f"{DUCKDB_ROWS:,} trials on, if it is installed.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Output folder; an existing report is replaced.",
)
def report(
    responses: str,
    out: Path,
    design: Path | None,
    plan: Path | None,
    stimuli: Path | None,
    has_r_script: bool,
    **options: Any,
) -> None:
    """Write a report on RESPONSES: a CSV or Parquet file, a folder with it, or a database URL."""
    engine = options.pop("engine")
    try:
        source = resolve_source(responses)
        files = ReportFiles(source, design, plan, stimuli)
        if is_counted(source, engine):
            try:
                lines = report_counted(files, out, ReportOptions(**options))
            except NotCountedError as not_counted:
                click.echo(explain_memory(source, engine, str(not_counted)), err=True)
                lines = report_listed(files, out, ReportOptions(**options))
        else:
            lines = report_listed(files, out, ReportOptions(**options))
        if has_r_script:
            lines.append(write_r_script(out))
    except (ResponsesError, DesignError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; use another folder with --out"
        raise click.ClickException(reason) from error
    click.echo("\n".join(lines))


@dataclass(frozen=True)
class ReportFiles:
    """The source of the responses, and the files that options name."""

    source: str
    design: Path | None
    plan: Path | None
    stimuli: Path | None

    def find_others(self, responses: HasDistinct, study: str | None) -> "ReportFiles":
        """Return them with the design and the stimuli that lie near the responses."""
        if "://" in self.source:
            return self
        file = Path(self.source)
        design = self.design or find_design(file, responses, study)
        frozen = read_design(design) if design else None
        return replace(
            self, design=design, stimuli=self.stimuli or find_stimuli(file, responses, frozen)
        )

    def add_plans(self, options: ReportOptions) -> ReportOptions:
        """Return the options with the design and the plan."""
        frozen = read_design(self.design) if self.design else None
        planned = read_plan(self.plan, frozen.protocol if frozen else None) if self.plan else None
        return replace(options, design=frozen, plan=planned)

    def add_tables(self, options: ReportOptions, selected: HasDistinct) -> ReportOptions:
        """Return the options with the tables that lie beside the responses.

        selected: the responses of the study and mode.
        """
        questionnaire = read_questionnaire(self.source, selected)
        names = options.effective_plan().covariates
        return replace(
            options,
            questionnaire=questionnaire,
            covariates=read_covariates(names, self.source, selected, questionnaire, self.stimuli),
            changes=read_changes(self.source, selected),
        )

    def list_lines(self) -> list[str]:
        """Return which files the report uses, as lines for the terminal."""
        return [
            f"design: {self.design or 'none; use --design'}",
            f"images: {self.stimuli or 'none; use --stimuli'}",
        ]


def report_listed(files: ReportFiles, out: Path, options: ReportOptions) -> list[str]:
    """Report on trials in memory; return the lines for the terminal."""
    table = read_responses(files.source)
    files = files.find_others(table, options.study)
    options = files.add_plans(options)
    selected = select_mode(select_study(table, options.study), options.mode)
    options = files.add_tables(options, selected)
    lines = make_any_report(files.source, table, out, options, files.stimuli)
    return [*files.list_lines(), *lines]


def report_counted(files: ReportFiles, out: Path, options: ReportOptions) -> list[str]:
    """Report on trials that DuckDB counts; return the lines for the terminal.

    Raises NotCountedError if DuckDB's way does not cover the study or an option.
    """
    if options.bootstrap_replicates:
        raise NotCountedError("resamples (--bootstrap)")
    if options.always_fit_mixed:
        raise NotCountedError("mixed models of all trials (--mixed)")
    file = Path(files.source)
    with open_source(file) as rows:
        check_rows(rows)
        files = files.find_others(rows, options.study)
        options = files.add_plans(options)
        rules = options.effective_plan().rules
        sample = build_counted_sample(rows, file, rules, options.study, options.mode)
        options = files.add_tables(options, sample)
        published = read_published_rates()
        findings = describe_sample(sample, published, options)
    lines = write_findings(findings, out, published, read_stimulus_files(files.stimuli))
    return [*files.list_lines(), *lines]


def write_r_script(out: Path) -> str:
    """Write refit.R beside the report in `out`; return its path, or why there is none."""
    script = render_r_script(json.loads((out / "report.json").read_text(encoding="utf-8")))
    if script is None:
        return f"{R_SCRIPT}: not written; it covers fooling rates, comparisons and ratings"
    atomic_write_files(out, {R_SCRIPT: script})
    return str(out / R_SCRIPT)


def make_any_report(
    source: str, responses: Responses, out: Path, options: ReportOptions, stimuli: Path | None
) -> list[str]:
    """Write the report that the study's task has; return its findings as a few lines.

    source: the file or database that the responses were read from.
    """
    selected = select_mode(select_study(responses, options.study), options.mode)
    task = find_task(selected)
    if task in TASKS_WITH_TRUTH:
        if options.ties != "half":
            raise ResponsesError("--ties davidson is for the task preference; leave it out")
        return make_report(responses, out, options, stimuli)
    stimulus_files = read_stimulus_files(stimuli)
    judged = assemble_judged_report(responses, read_judgments(source, selected), task, options)
    notice = MODE_NOTICES[judged["input"]["mode"]]
    return write_judged_report(judged, out, stimulus_files, notice)


if __name__ == "__main__":
    run_command(report)
