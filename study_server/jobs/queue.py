"""The queue of background jobs: request one, and list them."""

import json
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.storage.models import Job, Study
from study_server.vocabulary import JobKind, JobState

DEAD_AFTER = timedelta(minutes=1)  # without a heartbeat of the process that runs a job


def request_job(
    db: Session,
    kind: JobKind,
    *,
    requested_by: str,
    study_id: int | None = None,
    payload: Mapping[str, object] | None = None,
) -> Job:
    """Request a job, or return an identical one that is already waiting.

    The job runs after this transaction has committed, even if it was already waiting: the row is
    locked, so that no process can claim it earlier.
    """
    text = json.dumps(payload or {}, sort_keys=True)
    same = Job.kind == kind, Job.study_id.is_not_distinct_from(study_id), Job.payload == text
    waiting = select(Job).where(*same, Job.state == JobState.WAITING).limit(1).with_for_update()
    job = db.scalar(waiting)
    if job is None:
        job = Job(
            kind=kind,
            study_id=study_id,
            payload=text,
            state=JobState.WAITING,
            requested_by=requested_by,
            created_at=now(),
            due_at=now(),
        )
        db.add(job)
        db.flush()
    return job


def list_jobs(db: Session, *states: JobState) -> list[Job]:
    """Return the jobs in these states, or all, in the order in which they were requested."""
    query = select(Job).order_by(Job.id)
    return list(db.scalars(query.where(Job.state.in_(states)) if states else query))


def find_newest_jobs(db: Session, study: Study) -> dict[JobKind, Job]:
    """Return the newest job of each kind that belongs to a study."""
    query = select(Job).where(Job.study_id == study.id).order_by(Job.id)
    return {job.kind: job for job in db.scalars(query)}


def find_running_job(db: Session, study: Study) -> Job | None:
    """Return a job of a study that a living process is running, or None."""
    alive = Job.state == JobState.RUNNING, Job.heartbeat_at > now() - DEAD_AFTER
    return db.scalar(select(Job).where(Job.study_id == study.id, *alive).limit(1))
