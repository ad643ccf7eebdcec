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
from study_server.participants.outcomes import ENDED, UNFINISHED, late_since
from study_server.participants.queries import (
    AHEAD,
    LANGUAGE,
    LOCK,
    NOTE_OUTCOME,
    NOTE_SEEN,
    NOTE_START,
    PROGRESS,
    SHOWING,
)
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant
from study_server.vocabulary import Answer, Outcome, Side, TrialKind, derive_truth

SEEN_EVERY = timedelta(seconds=10)  # noted no more often than that


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
class Ahead:
    """How many trials of all kinds were answered and planned, and the next ones, in order.

    trials: rows with what a browser is told of a trial.
    """

    answered: int
    planned: int
    trials: Sequence[Row[Any]]


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
    person = Person(key, language, outcome, started_at, seen_at, parse_stored_protocol(protocol))
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


def progress(db: Connection, person: Participant | Person) -> tuple[int, int]:
    """(answered, planned) trials; a voided one and its replacement count once."""
    answered, planned = db.execute(PROGRESS, {"participant_id": person.id}).one()
    return answered, planned


def look_ahead(db: Connection, person: Person) -> Ahead:
    """How far it is, and what comes next: what runs and what the protocol fetches ahead."""
    asked = {"participant_id": person.id, "limit": 1 + person.protocol.prefetch}
    trials = () if person.outcome in ENDED else db.execute(AHEAD, asked).all()
    if not trials:
        return Ahead(*progress(db, person), trials)
    return Ahead(trials[0].answered, trials[0].planned, trials)


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
