"""Uploaded stimuli: the private folder of each upload, the job that imports it, and its end.

An upload is in instance/uploads/NAME until it is imported, refused or replaced. What no job and no
study needs any more is removed when the next upload comes.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.creation.replacement import require_draft
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.jobs.queue import find_newest_jobs, request_job
from study_server.jobs.stimulus_import import REPORT_NAME, upload_folder_of
from study_server.settings import Settings
from study_server.stimuli.audit_report import AuditReport, read_audit_report
from study_server.stimuli.files import IMPORT_FOLDER_PREFIX
from study_server.storage.models import Job, Study
from study_server.vocabulary import JobKind, JobState

ZIP_NAME = "stimuli.zip"
UNFINISHED = (JobState.WAITING, JobState.RUNNING)
ARRIVES_WITHIN = timedelta(hours=1)  # an upload that wrote nothing for this long was cut off
KEPT_FOR = timedelta(days=7)  # while somebody thinks about the findings


class PendingUpload(NamedTuple):
    """Stimuli that were audited and wait for a decision, or were refused."""

    source: Path
    folder: Path
    report: AuditReport


@contextmanager
def new_upload_folder(settings: Settings) -> Iterator[Path]:
    """Yield a new private folder for one upload, which is removed if the block fails."""
    folder = settings.uploads_folder / secrets.token_hex(8)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    except BaseException:
        remove_path(folder)
        raise


def request_import(
    db: Session,
    study: Study,
    source: Path,
    folder: Path,
    *,
    requested_by: str,
    reasons: Mapping[str, str] | None = None,
) -> Job:
    """Request the job that imports stimuli into a draft.

    source: a zip in `folder`, or a manifest. Raises StudyError if the stimuli can no longer change,
    or if another import is under way.
    """
    db.refresh(study, with_for_update=True)  # of two requests at once, one is refused
    require_no_import(db, study)
    payload = {"source": str(source), "folder": str(folder), "reasons": dict(reasons or {})}
    return request_job(
        db, JobKind.IMPORT, requested_by=requested_by, study_id=study.id, payload=payload
    )


def require_no_import(db: Session, study: Study) -> None:
    """Raise StudyError if the stimuli cannot be replaced now."""
    require_draft(db, study)
    job = find_newest_jobs(db, study).get(JobKind.IMPORT)
    if job is not None and job.state in UNFINISHED:
        raise StudyError("another import of this study is under way; wait until it has finished")


def find_pending_upload(db: Session, study: Study) -> PendingUpload | None:
    """Return the newest upload of a study if its audit has findings, otherwise None."""
    job = find_newest_jobs(db, study).get(JobKind.IMPORT)
    if job is None or job.state is not JobState.FAILED:
        return None
    source, folder = Path(json.loads(job.payload)["source"]), upload_folder_of(job)
    report = read_audit_report(folder / REPORT_NAME)
    return PendingUpload(source, folder, report) if report and report.kinds else None


def find_unneeded_uploads(db: Session, settings: Settings) -> list[Path]:
    """Return the folders of uploads that were cut off, replaced or forgotten."""
    running, newest = set[Path](), dict[int | None, Path]()
    for job in db.scalars(select(Job).where(Job.kind == JobKind.IMPORT).order_by(Job.id)):
        newest[job.study_id] = upload_folder_of(job)
        if job.state in UNFINISHED:
            running.add(newest[job.study_id])
    return [
        folder
        for folder in settings.uploads_folder.glob("*")
        if folder not in running
        and not folder.name.startswith(IMPORT_FOLDER_PREFIX)  # it has a sweep of its own
        and _is_older(folder, KEPT_FOR if folder in newest.values() else ARRIVES_WITHIN)
    ]


def _is_older(folder: Path, limit: timedelta) -> bool:
    """Return whether nothing was written to a folder for a while, by the clock of this computer."""
    changes = [path.stat().st_mtime for path in (folder, *folder.glob("*")) if path.exists()]
    return time.time() - max(changes, default=time.time()) > limit.total_seconds()
