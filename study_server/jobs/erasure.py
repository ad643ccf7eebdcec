"""Erase the traces of deleted rows from the database's files, while nobody is answering.

A withdrawal deletes its rows immediately. Their remains in the files can only be erased by
rewriting the database, which delays all answers: by a quarter of a second for 16 MB, on a slow
computer.
"""

from datetime import timedelta

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.jobs.commands import SetProgress
from study_server.jobs.publications import delete_outdated_publications
from study_server.jobs.results import Finished, Postponed
from study_server.storage.engine import erase_deleted_data
from study_server.storage.models import Job, Participant
from study_server.vocabulary import JobKind, JobState, Outcome

ERASED_WITHIN = timedelta(hours=24)  # as consent texts promise
# From this age on, a job no longer waits for a moment when nobody is answering.
IMPATIENT_AFTER = timedelta(hours=23)
QUIET_FOR = timedelta(minutes=1)  # nobody has been seen; participants are seen every 10 s
RETRY_AFTER = timedelta(seconds=30)


def is_erasure_due(db: Session, job: Job) -> bool:
    """Return whether nobody is answering, or the job cannot wait any longer."""
    if now() - job.created_at > IMPATIENT_AFTER:
        return True
    answering = Participant.outcome == Outcome.ACTIVE, Participant.last_seen_at > now() - QUIET_FOR
    return db.scalar(select(Participant.id).where(*answering).limit(1)) is None


def run_erasure(engine: Engine, _job: Job, _set_progress: SetProgress) -> Finished | Postponed:
    """Rewrite the database without the deleted rows; try again later if that is impossible now.

    Publications from before a withdrawal are deleted, too.
    """
    delete_outdated_publications(engine)
    try:
        erased = erase_deleted_data(engine)
    except DBAPIError as error:  # the disk is full, for example
        return Postponed(
            f"the database could not be rewritten: {type(error.orig).__name__}", RETRY_AFTER
        )
    if not erased:
        return Postponed("other programs are reading or writing the database", RETRY_AFTER)
    return Finished("traces of deleted rows erased")


def is_erasure_overdue(db: Session) -> bool:
    """Return whether traces remain that should have been erased by now."""
    late = Job.created_at < now() - ERASED_WITHIN
    unfinished = Job.state != JobState.DONE
    query = select(Job.id).where(Job.kind == JobKind.ERASE_TRACES, unfinished, late)
    return db.scalar(query.limit(1)) is not None
