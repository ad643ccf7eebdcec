"""The report of a study and its interim estimates, made in the background and shown in a page."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, abort, g, send_file
from flask.typing import ResponseReturnValue

from study_server.errors import StudyError
from study_server.export.method_text import describe_method
from study_server.jobs.queue import request_job
from study_server.reporting.analysis_commands import INSTALL_COMMAND, is_analysis_installed
from study_server.reporting.making import has_complete_live_participants, require_reportable
from study_server.storage.models import Study
from study_server.studies.reports import MonitorFile, ReportInput, read_monitor, read_report_file
from study_server.studies.unblinding import is_blinded
from study_server.views.researcher.access import app_settings
from study_server.views.researcher.study.page import (
    chosen_mode,
    create_study_blueprint,
    find_study,
    finish_change,
    posted_mode,
    render_study_page,
)
from study_server.vocabulary import JobKind, Mode

pages: Blueprint = create_study_blueprint("report", "/report")

# the report contains its own styles, has no script and loads nothing
REPORT_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
DOWNLOADED_SUFFIXES = (".csv", ".json", ".tex", ".R")
SELF = ("'self'",)


@dataclass(frozen=True)
class ExistingReport:
    """A report that has been made. data: what it was made from, if it says so."""

    made_at: datetime
    data: ReportInput | None
    files: list[str]


@pages.get("")
def show(slug: str) -> ResponseReturnValue:
    """Show the report on live or simulated participants, and the interim estimates."""
    return _render(find_study(slug), chosen_mode())


def _render(study: Study, mode: Mode, problem: str = "") -> str:
    monitor, monitor_problem = _read_monitor(study.slug)
    g.frames = SELF
    return render_study_page(
        "results/report.html",
        study,
        problem=problem,
        mode=mode,
        report=_find_report(study, mode),
        obstacle=_find_obstacle(study, mode),
        install_command="" if is_analysis_installed() else INSTALL_COMMAND,
        method=describe_method(g.db, study),
        monitor=monitor,
        monitor_problem=monitor_problem,
        monitor_unblinds=is_blinded(g.db, study) and has_complete_live_participants(g.db, study),
    )


def _find_report(study: Study, mode: Mode) -> ExistingReport | None:
    page = app_settings().report_path(study.slug, mode)
    if not page.is_file():
        return None
    found = read_report_file(page)
    return ExistingReport(
        made_at=datetime.fromtimestamp(page.stat().st_mtime, UTC),
        data=found.input if found else None,
        files=sorted(_list_files(page)),
    )


def _list_files(page: Path) -> dict[str, Path]:
    """Return the files of a report that can be downloaded, by name."""
    return {file.name: file for file in page.parent.iterdir() if file.suffix in DOWNLOADED_SUFFIXES}


def _find_obstacle(study: Study, mode: Mode) -> str:
    """Return why there can be no report on these participants now, or ""."""
    try:
        require_reportable(g.db, study, mode)
    except StudyError as error:
        return str(error)
    return ""


def _read_monitor(slug: str) -> tuple[MonitorFile | None, str]:
    """Return the interim estimates and "", or None and the reason why the file cannot be shown."""
    try:
        return read_monitor(app_settings().monitor_path(slug), slug), ""
    except StudyError as error:
        return None, str(error)


@pages.get("/page")
def show_page(slug: str) -> ResponseReturnValue:
    """Send the report, which is a page of its own."""
    page = app_settings().report_path(find_study(slug).slug, chosen_mode())
    if not page.is_file():
        abort(404)
    g.policy, g.framed_by = REPORT_CSP, SELF
    return send_file(page, mimetype="text/html")


@pages.get("/files/<name>")
def download(slug: str, name: str) -> ResponseReturnValue:
    """Send another file of the report."""
    page = app_settings().report_path(find_study(slug).slug, chosen_mode())
    files = _list_files(page) if page.is_file() else {}
    if name not in files:
        abort(404)
    return send_file(files[name], as_attachment=True, download_name=f"{slug}-{name}")


@pages.post("")
def make(slug: str) -> ResponseReturnValue:
    """Request the report."""
    study, mode = find_study(slug), posted_mode()
    if obstacle := _find_obstacle(study, mode):
        return _render(study, mode, obstacle), 409
    request_job(
        g.db,
        JobKind.REPORT,
        requested_by=g.researcher.name,
        study_id=study.id,
        payload={"mode": mode},
    )
    action = f"requested the report on {mode} participants"
    return finish_change(study, action, "Requested the report", "report.show", mode=mode)


@pages.post("/monitor")
def compute_monitor(slug: str) -> ResponseReturnValue:
    """Request the interim estimates; the command logs the unblinding, if it is one."""
    study = find_study(slug)
    request_job(g.db, JobKind.MONITOR, requested_by=g.researcher.name, study_id=study.id)
    message = "Requested the interim estimates"
    return finish_change(study, "requested the interim estimates", message, "report.show")
