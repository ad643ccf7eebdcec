"""The job that imports uploaded stimuli: it runs `study stimuli`, and removes the upload."""

import json
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.jobs.commands import SetProgress, run_command, slug_of
from study_server.jobs.results import Finished
from study_server.stimuli.audit_report import AuditReport, read_audit_report
from study_server.storage.models import Job

REPORT_NAME = "audit.json"


def upload_folder_of(job: Job) -> Path:
    """Return the private folder of the upload that a job imports."""
    return Path(json.loads(job.payload)["folder"])


def is_upload_here(_db: Session, job: Job) -> bool:
    """Return whether the upload is on this server, if several have folders of their own."""
    return upload_folder_of(job).is_dir()


def run_import(engine: Engine, job: Job, set_progress: SetProgress) -> Finished:
    """Import stimuli into a draft.

    Payload: `source`, a zip in `folder` or a manifest; `folder`, the private folder of the upload,
    for the report of the audit; `reasons`, why findings are accepted, by kind. The folder is
    removed unless the audit has findings that can still be accepted, or are to be shown. Raises
    StudyError if nothing was imported.
    """
    payload = json.loads(job.payload)
    source, folder = Path(payload["source"]), upload_folder_of(job)
    report_file = folder / REPORT_NAME
    reasons = [word for pair in payload["reasons"].items() for word in ("--accept", *pair)]
    arguments = [slug_of(engine, job), str(source), *reasons, f"--report={report_file}"]
    try:
        run_command(["study_server", "stimuli", *arguments], set_progress)
    except StudyError as error:
        report = read_audit_report(report_file)
        _tidy(source, folder, report)
        raise StudyError(report.message if report else str(error)) from error
    report = read_audit_report(report_file)
    remove_path(folder)
    return Finished(report.message.rstrip(".") if report else "the stimuli are stored")


def _tidy(source: Path, folder: Path, report: AuditReport | None) -> None:
    """Remove the files that are no longer needed after a refusal."""
    if report is None or not report.kinds:
        remove_path(folder)
    elif not report.is_acceptable and source.parent == folder:
        source.unlink(missing_ok=True)
