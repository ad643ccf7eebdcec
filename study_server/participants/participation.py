"""A participant's way through the trials: who they are, what is ahead, what has begun.

What every trial needs asks a Connection for rows: a Session and its objects would take longer than
all the rest of an answer. What is rare takes objects from a Session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload

from study_server.clock import now
from study_server.protocol.model import Protocol, stored_protocol
from study_server.storage.models import Base, Environment, Participant, Response, Trial
from study_server.studies.lookup import UNFINISHED, late_since
from study_server.vocabulary import Choice, Kind, Outcome, Side, truth_of

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
UNDER_WAY = (
    select(Trial)
    .outerjoin(Response)
    .where(Trial.participant_id == bindparam("participant_id"), Trial.started_at.is_not(None))
    .where(Trial.voided.is_(False), Response.trial_id.is_(None))
    .order_by(Trial.slot)
)
PEOPLE, TRIALS, ANSWERS, STUDIES = (
    Base.metadata.tables[name] for name in ("participant", "trial", "response", "study")
)
LANGUAGE = select(PEOPLE.c.language).where(PEOPLE.c.token == bindparam("token"))
LOCK = select(PEOPLE.c.id).where(PEOPLE.c.token == bindparam("token")).with_for_update()
SHOWING = (
    select(
        *PEOPLE.c["id", "language", "outcome", "started_at", "seen_at"],  # as Person has them
        STUDIES.c.protocol,
        *TRIALS.c["id", "kind", "attempt", "fake_id", "fake_side", "started_at", "voided"],
        ANSWERS.c.answer,  # as Showing has them
    )
    .select_from(TRIALS)
    .join(PEOPLE)
    .join(STUDIES)
    .join(ANSWERS, isouter=True)
    .where(TRIALS.c.token == bindparam("trial_token"), PEOPLE.c.token == bindparam("token"))
)
NOTE_PERSON = update(PEOPLE).where(PEOPLE.c.id == bindparam("row"))
NOTE_SEEN = NOTE_PERSON.values(seen_at=bindparam("at"))
NOTE_OUTCOME = NOTE_PERSON.values(outcome=bindparam("now_is"))
NOTE_START = (
    update(TRIALS).where(TRIALS.c.id == bindparam("row")).values(started_at=bindparam("at"))
)
OF_PERSON = TRIALS.c.participant_id == bindparam("participant_id"), TRIALS.c.voided.is_(False)
COUNT = select(func.count()).select_from(TRIALS).where(*OF_PERSON).correlate(None)
HOW_FAR = (
    COUNT.join(ANSWERS).scalar_subquery().label("answered"),
    COUNT.scalar_subquery().label("planned"),
)
PROGRESS = select(*HOW_FAR)
AHEAD: Select[Any] = (
    select(*TRIALS.c["token", "kind", "slot", "exposure_ms", "fake_side", "first_side"], *HOW_FAR)
    .select_from(TRIALS)
    .join(ANSWERS, isouter=True)
    .where(*OF_PERSON, ANSWERS.c.trial_id.is_(None))
    .order_by(TRIALS.c.slot)
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
class Person:
    """Of a participant what every answer needs to know."""

    id: int
    language: str
    outcome: Outcome
    started_at: datetime
    seen_at: datetime
    protocol: Protocol


@dataclass(frozen=True)
class Showing:
    """A trial that somebody is at. answer: the one that is stored."""

    person: Person
    id: int
    kind: Kind
    attempt: int
    fake_id: int | None
    fake_side: Side | None
    started_at: datetime | None
    voided: bool
    answer: Choice | None

    @property
    def truth(self) -> Choice:
        return truth_of(self.fake_side, self.fake_id)


@dataclass(frozen=True)
class Ahead:
    """How many trials of all kinds were answered and planned, and the next ones, in order.

    trials: rows with what a browser is told of a trial.
    """

    answered: int
    planned: int
    trials: Sequence[Row[Any]]


def protocol_of(participant: Participant) -> Protocol:
    return stored_protocol(participant.study.protocol)


def person_of(participant: Participant) -> Person:
    return Person(
        participant.id,
        participant.language,
        participant.outcome,
        participant.started_at,
        participant.seen_at,
        protocol_of(participant),
    )


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    return db.scalar(PARTICIPANT_LOCKED if lock else PARTICIPANT, {"token": token})


def language_of(db: Connection, token: str) -> str | None:
    """The language of whoever has the token; None where nobody has it."""
    language: str | None = db.scalar(LANGUAGE, {"token": token})
    return language


def find_showing(db: Connection, token: str, trial_token: str) -> Showing:
    """The trial of whoever has the token. Other writers wait until this transaction ends.

    For a connection that writes. Raises UnknownTrial when there is none, or it is another's.
    """
    if db.dialect.name == "postgresql":  # a writer has all of SQLite to itself
        db.execute(LOCK, {"token": token})  # by itself: what is read after it is what stands
    row = db.execute(SHOWING, {"token": token, "trial_token": trial_token}).one_or_none()
    if row is None:
        raise UnknownTrial(trial_token)
    key, language, outcome, started_at, seen_at, protocol, *trial = row
    person = Person(key, language, outcome, started_at, seen_at, stored_protocol(protocol))
    return Showing(person, *trial)


def touch(db: Connection, person: Person) -> Person:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    if abs(now() - person.seen_at) >= SEEN_EVERY:
        db.execute(NOTE_SEEN, {"row": person.id, "at": now()})
    if person.outcome not in UNFINISHED:
        return person
    late = person.started_at < late_since(person.protocol)
    outcome = Outcome.TIMED_OUT if late else Outcome.ACTIVE
    if person.outcome is outcome:
        return person
    db.execute(NOTE_OUTCOME, {"row": person.id, "now_is": outcome})
    return replace(person, outcome=outcome)


def has_begun(db: Session, participant: Participant) -> bool:
    """Whether any trial was shown."""
    shown = Trial.participant_id == participant.id, Trial.started_at.is_not(None)
    return db.scalar(select(Trial.id).where(*shown).limit(1)) is not None


def under_way(db: Session, participant: Participant) -> list[Trial]:
    """The trials that began and were not answered; none once it is over."""
    if participant.outcome in ENDED:
        return []
    return list(db.scalars(UNDER_WAY, {"participant_id": participant.id}))


def progress(db: Connection, person: Participant | Person) -> tuple[int, int]:
    """(answered, planned) trials; a voided one and its replacement count once."""
    answered, planned = db.execute(PROGRESS, {"participant_id": person.id}).one()
    return answered, planned


def look_ahead(db: Connection, person: Person) -> Ahead:
    """How far it is, and what comes next: what runs and what the protocol fetches ahead."""
    asked = {"participant_id": person.id, "limit": 1 + person.protocol.ahead}
    trials = () if person.outcome in ENDED else db.execute(AHEAD, asked).all()
    if not trials:
        return Ahead(*progress(db, person), trials)
    return Ahead(trials[0].answered, trials[0].planned, trials)


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Raises UnknownTrial when it is not this participant's."""
    trial = db.scalar(TRIAL, {"token": token, "participant_id": participant.id})
    if trial is None:
        raise UnknownTrial(token)
    return trial


def begin(db: Connection, showing: Showing) -> Person:
    """Its images are seen from now on, unless that was noted. Raises VoidedTrial, Over."""
    if showing.voided:
        raise VoidedTrial(showing.id)
    person = be_there(db, showing.person)
    if showing.started_at is None:
        db.execute(NOTE_START, {"row": showing.id, "at": now()})
    return person


def be_there(db: Connection, person: Person) -> Person:
    """Touch, and raise Over where nothing more is stored."""
    person = touch(db, person)
    if person.outcome in ENDED:
        raise Over(person.id)
    return person


def describe_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store what the browser says of its screen; the first description stands."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))
