"""Withdrawal: delete a participant, or anonymize participants after a retention period."""

import secrets
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, true, update
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.jobs.queue import request_job
from study_server.participants.identities import record_withdrawal
from study_server.storage.models import Identity, LinkParameter, Participant, Study, Withdrawal
from study_server.storage.plan_counts import subtract_participants
from study_server.vocabulary import JobKind, Mode

PARTICIPANTS_PER_TRANSACTION = 50  # when many are deleted


def delete_participant(db: Session, participant: Participant) -> None:
    """Delete a participant and all of their answers.

    Of a live participant, only the count of withdrawals and a keyed hash are kept. The hash shows
    whether a person who wants to take part is one who withdrew.

    Commits the deletion and requests the job that erases traces in the database's files.
    """
    study_id, live = participant.study_id, participant.mode is Mode.LIVE
    if live:
        record_withdrawal(db, participant)
    subtract_participants(db.connection(), study_id, [participant.id])
    db.execute(
        delete(Participant).where(Participant.id == participant.id)
    )  # cascades to all of their rows
    request_job(db, JobKind.ERASE_TRACES, requested_by="withdrawal")
    # Commit before touching the study's row. Enrollment locks the study first and participants
    # second; the opposite order here could deadlock.
    db.commit()
    if live:
        update_study = update(Study).where(Study.id == study_id)
        db.execute(update_study.values(withdrawn_count=Study.withdrawn_count + 1))
        db.commit()


def delete_rehearsals(db: Session, study: Study) -> int:
    """Delete all preview and simulated participants of a study; return their number.

    Commits after every few participants, because others must be able to write in between, and
    requests the job that erases traces in the database's files.
    """
    return _delete_in_steps(db, study.id, Participant.mode != Mode.LIVE)


def delete_all_participants(db: Session, study: Study) -> int:
    """Delete all participants of a study that is about to be deleted; return their number.

    Commits after every few participants, as `delete_rehearsals` does, and keeps no hash of them.
    """
    return _delete_in_steps(db, study.id, true())


def _delete_in_steps(db: Session, study_id: int, condition: ColumnElement[bool]) -> int:
    count = 0
    query = select(Participant.id).where(Participant.study_id == study_id, condition)
    query = query.order_by(Participant.id)
    while ids := db.scalars(query.limit(PARTICIPANTS_PER_TRANSACTION).with_for_update()).all():
        subtract_participants(db.connection(), study_id, ids)
        db.execute(delete(Participant).where(Participant.id.in_(ids)))
        if not count:
            request_job(db, JobKind.ERASE_TRACES, requested_by="deletion of participants")
        db.commit()
        count += len(ids)
    return count


def find_by_public_id(db: Session, study: Study, name: str) -> Participant:
    """Return the participant with this id of the exports; raise StudyError if there is none."""
    participant = db.scalar(
        select(Participant).where(Participant.study_id == study.id, Participant.public_id == name)
    )
    if participant is None:
        raise StudyError(
            f"study {study.slug!r} has no participant {name!r}; see participants.csv for the IDs"
        )
    return participant


def anonymize_participants(db: Session, study: Study, before: datetime) -> int:
    """Anonymize participants last seen before a time; return their number. Their answers stay.

    Deletes the hashes of their external ids and the parameters of the links by which they came,
    disables their own links, and deletes the hashes of people who withdrew before that time.
    Requests the job that erases traces in the database's files.
    """
    participants = db.scalars(
        select(Participant)
        .join(Identity)
        .where(Participant.study_id == study.id, Participant.last_seen_at < before)
    ).all()
    for participant in participants:
        _delete_identity(db, participant)
    forget_before = Withdrawal.study_id == study.id, Withdrawal.withdrawn_on < before
    db.execute(delete(Withdrawal).where(*forget_before))
    if participants:
        request_job(db, JobKind.ERASE_TRACES, requested_by="anonymization")
    return len(participants)


def anonymize_participant(db: Session, participant: Participant) -> None:
    """Anonymize one participant, whose answers stay.

    Deletes the hash of their external id and the parameters of their entry link, and disables
    their own link. Requests the job that erases traces in the database's files.
    """
    _delete_identity(db, participant)
    request_job(db, JobKind.ERASE_TRACES, requested_by="anonymization")


def _delete_identity(db: Session, participant: Participant) -> None:
    participant.token = secrets.token_urlsafe(16)
    db.execute(delete(Identity).where(Identity.participant_id == participant.id))
    db.execute(delete(LinkParameter).where(LinkParameter.participant_id == participant.id))
