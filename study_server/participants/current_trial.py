"""The trial that a participant is at, as rows: what every answer needs.

These functions take a Connection. A Session with its objects would take longer than everything else
that an answer needs. participation.py has the functions for rare requests, which take a Session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from study_server.clock import now
from study_server.participants.outcomes import (
    EARLY_END_OUTCOMES,
    UNFINISHED_OUTCOMES,
    timed_out_before,
)
from study_server.participants.queries import (
    LOCK_PARTICIPANT,
    SELECT_CURRENT_TRIAL,
    SELECT_LANGUAGE,
    SELECT_PROGRESS,
    SELECT_UPCOMING_TRIALS,
    UPDATE_LAST_SEEN,
    UPDATE_OUTCOME,
    UPDATE_STARTED_AT,
)
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant
from study_server.vocabulary import Answer, Outcome, Side, TrialKind, derive_truth

SEEN_UPDATE_INTERVAL = timedelta(seconds=10)  # noted no more often than that


class UnknownTrialError(LookupError):
    """No such trial, or somebody else's."""


class VoidedTrialError(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


class ParticipationOverError(Exception):
    """Taking part is over, by the clock or for who did not qualify; nothing more is stored."""


class InvalidAnswerError(ValueError):
    """What no trial of this kind can be told, such as a side of a single image."""


@dataclass(frozen=True)
class CurrentParticipant:
    """Of a participant what every answer needs to know."""

    id: int
    language: str
    outcome: Outcome
    started_at: datetime
    last_seen_at: datetime
    protocol: Protocol


@dataclass(frozen=True)
class CurrentTrial:
    """A trial that somebody is at. answer: the one that is stored."""

    participant: CurrentParticipant
    id: int
    kind: TrialKind
    attempt: int
    fake_id: int | None
    fake_side: Side | None
    started_at: datetime | None
    voided: bool
    answer: Answer | None

    @property
    def truth(self) -> Answer:
        return derive_truth(self.fake_side, self.fake_id)


@dataclass(frozen=True)
class UpcomingTrials:
    """How many trials of all kinds were answered and planned, and the next ones, in order.

    trials: rows with what a browser is told of a trial.
    """

    answered: int
    planned: int
    trials: Sequence[Row[Any]]


def find_language(db: Connection, token: str) -> str | None:
    """The language of whoever has the token; None where nobody has it."""
    language: str | None = db.scalar(SELECT_LANGUAGE, {"token": token})
    return language


def find_current_trial(db: Connection, token: str, trial_token: str) -> CurrentTrial:
    """The trial of whoever has the token. Other writers wait until this transaction ends.

    For a connection that writes. Raises UnknownTrialError when there is none, or it is another's.
    """
    if db.dialect.name == "postgresql":  # a writer has all of SQLite to itself
        # by itself: what is read after it is what stands
        db.execute(LOCK_PARTICIPANT, {"token": token})
    row = db.execute(
        SELECT_CURRENT_TRIAL, {"token": token, "trial_token": trial_token}
    ).one_or_none()
    if row is None:
        raise UnknownTrialError(trial_token)
    key, language, outcome, started_at, seen_at, protocol, *trial = row
    person = CurrentParticipant(
        key, language, outcome, started_at, seen_at, parse_stored_protocol(protocol)
    )
    return CurrentTrial(person, *trial)


def record_presence(db: Connection, participant: CurrentParticipant) -> CurrentParticipant:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    if abs(now() - participant.last_seen_at) >= SEEN_UPDATE_INTERVAL:
        db.execute(UPDATE_LAST_SEEN, {"row": participant.id, "at": now()})
    if participant.outcome not in UNFINISHED_OUTCOMES:
        return participant
    is_timed_out = participant.started_at < timed_out_before(participant.protocol)
    outcome = Outcome.TIMED_OUT if is_timed_out else Outcome.ACTIVE
    if participant.outcome is outcome:
        return participant
    db.execute(UPDATE_OUTCOME, {"row": participant.id, "now_is": outcome})
    return replace(participant, outcome=outcome)


def count_progress(
    db: Connection, participant: Participant | CurrentParticipant
) -> tuple[int, int]:
    """(answered, planned) trials; a voided one and its replacement count once."""
    answered, planned = db.execute(SELECT_PROGRESS, {"participant_id": participant.id}).one()
    return answered, planned


def load_upcoming_trials(db: Connection, participant: CurrentParticipant) -> UpcomingTrials:
    """How far it is, and what comes next: what runs and what the protocol fetches ahead."""
    parameters = {"participant_id": participant.id, "limit": 1 + participant.protocol.prefetch}
    trials = (
        ()
        if participant.outcome in EARLY_END_OUTCOMES
        else db.execute(SELECT_UPCOMING_TRIALS, parameters).all()
    )
    if not trials:
        return UpcomingTrials(*count_progress(db, participant), trials)
    return UpcomingTrials(trials[0].answered, trials[0].planned, trials)


def start_trial(db: Connection, trial: CurrentTrial) -> CurrentParticipant:
    """Note that the trial's images are shown from now on, unless that was noted before.

    Raises VoidedTrialError and ParticipationOverError.
    """
    if trial.voided:
        raise VoidedTrialError(trial.id)
    person = require_active(db, trial.participant)
    if trial.started_at is None:
        db.execute(UPDATE_STARTED_AT, {"row": trial.id, "at": now()})
    return person


def require_active(db: Connection, participant: CurrentParticipant) -> CurrentParticipant:
    """Touch, and raise ParticipationOverError where nothing more is stored."""
    participant = record_presence(db, participant)
    if participant.outcome in EARLY_END_OUTCOMES:
        raise ParticipationOverError(participant.id)
    return participant
