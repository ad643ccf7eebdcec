"""Functions on participants and trials for requests that are rarer than one per trial."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.participants.current_trial import CurrentParticipant, UnknownTrialError
from study_server.participants.outcomes import EARLY_END_OUTCOMES
from study_server.participants.queries import (
    SELECT_PARTICIPANT,
    SELECT_PARTICIPANT_FOR_UPDATE,
    SELECT_TRIAL,
    SELECT_UNANSWERED_TRIALS,
)
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Environment, Participant, Response, Trial
from study_server.vocabulary import Outcome


def protocol_of(participant: Participant) -> Protocol:
    """Return the protocol of the participant's study."""
    return parse_stored_protocol(participant.study.protocol)


def to_current_participant(participant: Participant) -> CurrentParticipant:
    """Return the fields that the functions of current_trial.py need."""
    return CurrentParticipant(
        participant.id,
        participant.study_id,
        participant.language,
        participant.outcome,
        participant.started_at,
        participant.last_seen_at,
        protocol_of(participant),
    )


def find_participant(db: Session, token: str, for_update: bool = False) -> Participant | None:
    """Return the participant with this token, or None.

    for_update: lock the row, so that requests from two tabs run one after the other.
    """
    return db.scalar(
        SELECT_PARTICIPANT_FOR_UPDATE if for_update else SELECT_PARTICIPANT, {"token": token}
    )


def has_started(db: Session, participant: Participant) -> bool:
    """Return whether any trial has been shown."""
    shown = Trial.participant_id == participant.id, Trial.started_at.is_not(None)
    return db.scalar(select(Trial.id).where(*shown).limit(1)) is not None


def find_without_answer(db: Session, ids: Collection[int]) -> list[int]:
    """Return those of these participants who are active and have not answered any trial."""
    answered = select(Response.trial_id).join(Trial).where(Trial.participant_id == Participant.id)
    active = Participant.id.in_(ids), Participant.outcome == Outcome.ACTIVE
    return list(db.scalars(select(Participant.id).where(*active, ~answered.exists())))


def find_unanswered_trials(db: Session, participant: Participant) -> list[Trial]:
    """Return the trials that started and were not answered; none for ended participants."""
    if participant.outcome in EARLY_END_OUTCOMES:
        return []
    return list(db.scalars(SELECT_UNANSWERED_TRIALS, {"participant_id": participant.id}))


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Return the participant's trial with this token; raise UnknownTrialError if there is none."""
    trial = db.scalar(SELECT_TRIAL, {"token": token, "participant_id": participant.id})
    if trial is None:
        raise UnknownTrialError(token)
    return trial


def store_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store the browser's description of its display. The first description is final."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))


def store_comment(participant: Participant, comment: str) -> None:
    """Store a comment; one that differs from the last is unread again."""
    if comment != participant.comment:
        participant.comment, participant.comment_read = comment, False
