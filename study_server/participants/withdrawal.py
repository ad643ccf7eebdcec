"""Somebody takes their consent back, or the time to keep who they are is over."""

import secrets
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.storage.models import Identity, Participant, Study
from study_server.vocabulary import Mode


def delete_participant(db: Session, participant: Participant) -> None:
    """Delete a participant with every answer, at once; one more withdrawal is all that is stored.

    Commits; `database.scrub` then cleans the files.
    """
    study_id, live = participant.study_id, participant.mode is Mode.LIVE
    db.execute(delete(Participant).where(Participant.id == participant.id))  # the rest cascades
    db.commit()  # before the study is locked: who enrolls locks it first, then participants
    if live:
        update_study = update(Study).where(Study.id == study_id)
        db.execute(update_study.values(withdrawn_count=Study.withdrawn_count + 1))
        db.commit()


def find_by_public_id(db: Session, study: Study, name: str) -> Participant:
    """By the opaque id of the exports; raises StudyError when there is nobody of that name."""
    participant = db.scalar(
        select(Participant).where(Participant.study_id == study.id, Participant.public_id == name)
    )
    if participant is None:
        raise StudyError(
            f"study {study.slug!r} has no participant {name!r}; the ids are in participants.csv"
        )
    return participant


def anonymize_participants(db: Session, study: Study, before: datetime) -> int:
    """Cut what leads to the people last seen before a moment; their answers stay.

    The hash of who they are is deleted and their link leads nowhere any more. Returns how many.
    """
    participants = db.scalars(
        select(Participant)
        .join(Identity)
        .where(Participant.study_id == study.id, Participant.last_seen_at < before)
    ).all()
    for person in participants:
        person.token = secrets.token_urlsafe(16)
        db.execute(delete(Identity).where(Identity.participant_id == person.id))
    return len(participants)
