"""A participant's current trial, read and updated by the requests of every trial.

These functions take a Connection, because a Session with its objects would take longer than the
rest of the request. participation.py has the functions for rare requests, which take a Session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection

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
    SELECT_UPCOMING_STIMULI,
    UPDATE_LAST_SEEN,
    UPDATE_OUTCOME,
    UPDATE_STARTED_AT,
)
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant
from study_server.storage.plan_counts import add_participants, subtract_participants
from study_server.tasks.task import InvalidAnswerError
from study_server.vocabulary import Outcome, StimulusRole, TrialKind

SEEN_UPDATE_INTERVAL = timedelta(seconds=10)  # last_seen_at is written at most this often


class UnknownTrialError(LookupError):
    """The trial does not exist, or it belongs to another participant."""


class VoidedTrialError(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


class ParticipationOverError(Exception):
    """The participant ran out of time, was screened out or returned the task; nothing is stored."""


@dataclass(frozen=True)
class CurrentParticipant:
    """The fields of a participant that the requests of every trial need."""

    id: int
    study_id: int
    language: str
    outcome: Outcome
    started_at: datetime
    last_seen_at: datetime
    protocol: Protocol


@dataclass(frozen=True)
class CurrentTrial:
    """A trial of a participant."""

    participant: CurrentParticipant
    id: int
    kind: TrialKind
    place: int
    attempt: int
    exposure_ms: int | None
    started_at: datetime | None
    voided: bool
    is_answered: bool


@dataclass(frozen=True)
class UpcomingTrial:
    """A trial that can be shown, with what the browser needs to know.

    exposure_ms: None if images stay until the answer, or if the trial awaits its exposure, which
    depends on an answer that is not stored yet. appears: when the candidate in each slot appears: 0
    for the first, 1 for the second.
    has_reference: whether the slot after the last candidate shows a reference.
    """

    token: str
    kind: TrialKind
    place: int
    block: int
    exposure_ms: int | None
    awaits_exposure: bool
    appears: tuple[int, ...]
    has_reference: bool
    caption: str


@dataclass(frozen=True)
class UpcomingTrials:
    """The numbers of answered and planned trials of all kinds, and the next trials in order."""

    answered: int
    planned: int
    trials: Sequence[UpcomingTrial]


def find_language(db: Connection, token: str) -> str | None:
    """Return the language of the participant with this token, or None if the token is unknown."""
    language: str | None = db.scalar(SELECT_LANGUAGE, {"token": token})
    return language


def find_current_trial(db: Connection, token: str, trial_token: str) -> CurrentTrial:
    """Return a trial of the participant with this token, and lock the participant.

    Other writers wait until this transaction ends, so the connection must be in a write
    transaction. Raises UnknownTrialError if the trial does not exist or belongs to another
    participant.
    """
    if db.dialect.name == "postgresql":  # SQLite has only one writer at a time
        # A separate statement, so that the next one reads what other transactions committed while
        # this one waited for the lock.
        db.execute(LOCK_PARTICIPANT, {"token": token})
    row = db.execute(
        SELECT_CURRENT_TRIAL, {"token": token, "trial_token": trial_token}
    ).one_or_none()
    if row is None:
        raise UnknownTrialError(trial_token)
    key, study, language, outcome, started_at, seen_at, protocol, *trial = row
    person = CurrentParticipant(
        key, study, language, outcome, started_at, seen_at, parse_stored_protocol(protocol)
    )
    return CurrentTrial(person, *trial)


def record_presence(db: Connection, participant: CurrentParticipant) -> CurrentParticipant:
    """Record that the participant is present; return them with their current outcome.

    Abandoned participants become active again, or timed out if their time limit has passed.
    """
    if abs(now() - participant.last_seen_at) >= SEEN_UPDATE_INTERVAL:
        db.execute(UPDATE_LAST_SEEN, {"row": participant.id, "at": now()})
    if participant.outcome not in UNFINISHED_OUTCOMES:
        return participant
    is_timed_out = participant.started_at < timed_out_before(participant.protocol)
    outcome = Outcome.TIMED_OUT if is_timed_out else Outcome.ACTIVE
    if participant.outcome is outcome:
        return participant
    subtract_participants(db, participant.study_id, [participant.id])
    db.execute(UPDATE_OUTCOME, {"row": participant.id, "now_is": outcome})
    add_participants(db, participant.study_id, [participant.id])
    return replace(participant, outcome=outcome)


def count_progress(
    db: Connection, participant: Participant | CurrentParticipant
) -> tuple[int, int]:
    """Return (answered, planned) trials; a voided trial and its replacement count once."""
    answered, planned = db.execute(SELECT_PROGRESS, {"participant_id": participant.id}).one()
    return answered, planned


def load_upcoming_trials(db: Connection, participant: CurrentParticipant) -> UpcomingTrials:
    """Return the progress, the current trial and the trials that the browser may prefetch."""
    parameters = {"participant_id": participant.id, "limit": 1 + participant.protocol.prefetch}
    rows = (
        ()
        if participant.outcome in EARLY_END_OUTCOMES
        else db.execute(SELECT_UPCOMING_STIMULI, parameters).all()
    )
    if not rows:
        return UpcomingTrials(*count_progress(db, participant), ())
    trials, protocol = [], participant.protocol
    for _, stimuli in groupby(rows, attrgetter("place")):
        first, *others = stimuli
        candidates = [one for one in (first, *others) if one.role is StimulusRole.CANDIDATE]
        trials.append(
            UpcomingTrial(
                first.token,
                first.kind,
                first.place,
                first.block,
                first.exposure_ms,
                protocol.awaits_exposure(first.kind, first.exposure_ms),
                tuple(one.appears for one in candidates),
                has_reference=len(candidates) <= len(others),
                caption=first.caption,
            )
        )
    return UpcomingTrials(rows[0].answered, rows[0].planned, trials)


def start_trial(db: Connection, trial: CurrentTrial) -> CurrentParticipant:
    """Record that the trial's images are shown from now on, unless it has started already.

    Raises VoidedTrialError or ParticipationOverError, and InvalidAnswerError if the exposure of the
    trial is not known yet.
    """
    if trial.voided:
        raise VoidedTrialError(trial.id)
    if trial.participant.protocol.awaits_exposure(trial.kind, trial.exposure_ms):
        raise InvalidAnswerError(
            "this trial has no exposure yet: the reply to the previous answer contains it"
        )
    person = require_active(db, trial.participant)
    if trial.started_at is None:
        db.execute(UPDATE_STARTED_AT, {"row": trial.id, "at": now()})
    return person


def require_active(db: Connection, participant: CurrentParticipant) -> CurrentParticipant:
    """Record presence; raise ParticipationOverError if the participant cannot continue."""
    participant = record_presence(db, participant)
    if participant.outcome in EARLY_END_OUTCOMES:
        raise ParticipationOverError(participant.id)
    return participant
