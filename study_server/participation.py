"""A participant's way through the trials: who they are, what is ahead, what has begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from study_server.clock import now
from study_server.models import Base, Environment, Participant, Response, Trial
from study_server.protocol import Protocol, stored_protocol
from study_server.studies import UNFINISHED, late_since
from study_server.words import Outcome

SEEN_EVERY = timedelta(seconds=10)  # noted no more often than that
ENDED = (Outcome.TIMED_OUT, Outcome.SCREENED_OUT, Outcome.RETURNED)  # before the last trial


# the statements of every request, built once
PARTICIPANT = select(Participant).where(Participant.token == bindparam("token"))
PARTICIPANT_LOCKED = PARTICIPANT.with_for_update(of=Participant).options(
    joinedload(Participant.study, innerjoin=True)
)
TRIAL = (
    select(Trial)
    .where(Trial.token == bindparam("token"))
    .where(Trial.participant_id == bindparam("participant_id"))
    .options(joinedload(Trial.response))
)
UNANSWERED = (
    select(Trial)
    .outerjoin(Response)
    .where(Trial.participant_id == bindparam("participant_id"))
    .where(Trial.voided.is_(False), Response.trial_id.is_(None))
    .order_by(Trial.slot)
)
# to and from the tables themselves: objects would take longer than all the rest of a request
PEOPLE, TRIALS, ANSWERS = (Base.metadata.tables[n] for n in ("participant", "trial", "response"))
NOTE_SEEN = update(PEOPLE).where(PEOPLE.c.id == bindparam("row")).values(seen_at=bindparam("at"))
NOTE_START = (
    update(TRIALS).where(TRIALS.c.id == bindparam("row")).values(started_at=bindparam("at"))
)
AHEAD = (
    select(
        TRIALS,
        ANSWERS.c.trial_id.is_not(None).label("is_answered"),
        func.count(ANSWERS.c.trial_id).over().label("answered"),
        func.count().over().label("planned"),
    )
    .join(ANSWERS, isouter=True)
    .where(TRIALS.c.participant_id == bindparam("participant_id"), TRIALS.c.voided.is_(False))
    .order_by("is_answered", TRIALS.c.slot)
    .limit(bindparam("limit"))
)


class UnknownTrial(LookupError):
    """No such trial, or somebody else's."""


class VoidedTrial(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


class Over(Exception):
    """Taking part is over, by the clock or for who did not qualify; nothing more is stored."""


class UnfitAnswer(ValueError):
    """What no trial of this kind can be told, such as a side of a single image."""


@dataclass(frozen=True)
class Ahead:
    """How many trials of all kinds were answered and planned, and the next ones, in order.

    trials: rows with the columns of a trial.
    """

    answered: int
    planned: int
    trials: Sequence[Row[Any]]


def protocol_of(participant: Participant) -> Protocol:
    return stored_protocol(participant.study.protocol)


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    return db.scalar(PARTICIPANT_LOCKED if lock else PARTICIPANT, {"token": token})


def touch(db: Session, participant: Participant) -> None:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    if abs(now() - participant.seen_at) >= SEEN_EVERY:
        _note(db, NOTE_SEEN, participant, "seen_at")
    if participant.outcome in UNFINISHED:
        late = participant.started_at < late_since(participant.study)
        outcome = Outcome.TIMED_OUT if late else Outcome.ACTIVE
        if participant.outcome is not outcome:  # setting it again costs a flush
            participant.outcome = outcome


def _note(db: Session, statement: Update, row: Participant | Trial, moment: str) -> None:
    """That it is now, in the database and in the row at hand."""
    at = now()
    db.execute(statement, {"row": row.id, "at": at})
    set_committed_value(row, moment, at)


def has_begun(db: Session, participant: Participant) -> bool:
    """Whether any trial was shown."""
    shown = Trial.participant_id == participant.id, Trial.started_at.is_not(None)
    return db.scalar(select(Trial.id).where(*shown).limit(1)) is not None


def upcoming(db: Session, participant: Participant) -> list[Trial]:
    """The unanswered trials in the order they will be shown; none once it is over."""
    if participant.outcome in ENDED:
        return []
    return list(db.scalars(UNANSWERED, {"participant_id": participant.id}))


def under_way(db: Session, participant: Participant) -> list[Trial]:
    """Of those the ones that began, and were not answered."""
    if participant.outcome in ENDED:
        return []
    begun = UNANSWERED.where(Trial.started_at.is_not(None))
    return list(db.scalars(begun, {"participant_id": participant.id}))


def look_ahead(db: Session, participant: Participant) -> Ahead:
    """How far it is, and what comes next: what runs and what the protocol fetches ahead."""
    limit = 1 + protocol_of(participant).ahead
    rows = db.execute(AHEAD, {"participant_id": participant.id, "limit": limit}).all()
    if not rows:  # all was withdrawn a moment ago
        return Ahead(0, 0, [])
    goes_on = participant.outcome not in ENDED
    trials = [row for row in rows if goes_on and not row.is_answered]
    return Ahead(rows[0].answered, rows[0].planned, trials)


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Raises UnknownTrial when it is not this participant's."""
    trial = db.scalar(TRIAL, {"token": token, "participant_id": participant.id})
    if trial is None:
        raise UnknownTrial(token)
    return trial


def start_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Its images are being seen from now on. Raises UnknownTrial, VoidedTrial, Over."""
    trial = find_trial(db, participant, token)
    begin(db, participant, trial)
    return trial


def begin(db: Session, participant: Participant, trial: Trial) -> None:
    """Note that it is under way from now, unless that was noted. Raises VoidedTrial, Over."""
    if trial.voided:
        raise VoidedTrial(trial.token)
    be_there(db, participant)
    if trial.started_at is None:
        _note(db, NOTE_START, trial, "started_at")


def be_there(db: Session, participant: Participant) -> None:
    """Touch, and raise Over where nothing more is stored."""
    touch(db, participant)
    if participant.outcome in ENDED:
        raise Over(participant.name)


def describe_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store what the browser says of its screen; the first description stands."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))
