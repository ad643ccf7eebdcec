"""Claim and run the background jobs that are due.

Several processes may do so at the same time. A job belongs to the process whose UPDATE claimed it;
PostgreSQL evaluates the condition again after waiting for the row, and SQLite has one writer, so
that only one process wins. A process that has shown no sign of life for a minute loses its job.
"""

import secrets
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.jobs.commands import (
    SetProgress,
    is_always_due,
    run_monitor,
    run_report,
    run_simulation,
)
from study_server.jobs.erasure import is_erasure_due, run_erasure
from study_server.jobs.publications import run_publication
from study_server.jobs.queue import DEAD_AFTER
from study_server.jobs.results import Finished, Postponed
from study_server.jobs.stimulus_import import is_upload_here, run_import
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Job
from study_server.vocabulary import JobKind, JobState

HEARTBEAT_S = 15.0


class JobType(NamedTuple):
    """The functions of a kind of job. is_due: whether this is a good moment to run it."""

    is_due: Callable[[Session, Job], bool]
    run: Callable[[Engine, Job, SetProgress], Finished | Postponed]


JOB_TYPES = {
    JobKind.ERASE_TRACES: JobType(is_erasure_due, run_erasure),
    JobKind.SIMULATE: JobType(is_always_due, run_simulation),
    JobKind.REPORT: JobType(is_always_due, run_report),
    JobKind.MONITOR: JobType(is_always_due, run_monitor),
    JobKind.PUBLISH: JobType(is_always_due, run_publication),
    JobKind.IMPORT: JobType(is_upload_here, run_import),
}


def run_due_jobs(db: Engine) -> list[tuple[Job, Finished | Postponed]]:
    """Run the jobs that are due, one after the other; return each with its result."""
    results = []
    while (job := _claim_next(db)) is not None:
        with _heartbeat(db, job):
            result = _run(db, job)
        _store_result(db, job, result)
        results.append((job, result))
    return results


def _claim_next(engine: Engine) -> Job | None:
    """Claim the first job that is due and that no other process has claimed."""
    with read_session(engine) as db:
        candidates = [
            job.id
            for job in db.scalars(select(Job).where(_is_claimable(now())).order_by(Job.id))
            if JOB_TYPES[job.kind].is_due(db, job)
        ]
    return next(filter(None, (_claim(engine, id_) for id_ in candidates)), None)


def _is_claimable(moment: datetime) -> ColumnElement[bool]:
    """Return the condition that a job is waiting, or that the process that ran it is dead."""
    return or_(
        and_(Job.state == JobState.WAITING, Job.due_at <= moment),
        and_(Job.state == JobState.RUNNING, Job.heartbeat_at < moment - DEAD_AFTER),
    )


def _claim(engine: Engine, job_id: int) -> Job | None:
    """Claim a job; return None if another process was faster."""
    moment, claim = now(), secrets.token_hex(8)
    claimed = {
        "state": JobState.RUNNING, "claim": claim, "started_at": moment, "heartbeat_at": moment,
        "finished_at": None, "exit_status": None,
    }  # fmt: skip
    with write_transaction(engine) as db:
        db.execute(update(Job).where(Job.id == job_id, _is_claimable(moment)).values(claimed))
        job = db.scalar(select(Job).where(Job.id == job_id, Job.claim == claim))
        if job is not None:
            db.expunge(job)
    return job


def _run(engine: Engine, job: Job) -> Finished | Postponed:
    def set_progress(share: float) -> None:
        _update_claimed(engine, job, progress=share)

    try:
        return JOB_TYPES[job.kind].run(engine, job, set_progress)
    except StudyError as error:
        return Finished(str(error), exit_status=1)
    except Exception as error:  # the jobs after this one must run in any case
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Finished(f"{type(error).__name__} in {place.filename}:{place.lineno}", exit_status=1)


@contextmanager
def _heartbeat(engine: Engine, job: Job) -> Iterator[None]:
    """Show in the database, until the end of the block, that this process is alive."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            with suppress(SQLAlchemyError):  # the next one may succeed
                _update_claimed(engine, job, heartbeat_at=now())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _store_result(engine: Engine, job: Job, result: Finished | Postponed) -> None:
    if isinstance(result, Postponed):
        due = now() + result.retry_after
        _update_claimed(
            engine, job, state=JobState.WAITING, claim=None, message=result.message, due_at=due
        )
        return
    state = JobState.FAILED if result.exit_status else JobState.DONE
    _update_claimed(
        engine, job, state=state, message=result.message, finished_at=now(),
        exit_status=result.exit_status, progress=0.0 if result.exit_status else 1.0,
    )  # fmt: skip


def _update_claimed(engine: Engine, job: Job, **values: object) -> None:
    """Update a job, unless another process has claimed it because this one seemed dead."""
    with write_transaction(engine) as db:
        db.execute(update(Job).where(Job.id == job.id, Job.claim == job.claim).values(values))
