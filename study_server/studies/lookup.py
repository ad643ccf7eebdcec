"""Studies as a researcher handles them: find one, count who came."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.protocol.model import Protocol, stored_protocol
from study_server.storage.models import Participant, Response, Study, Trial
from study_server.vocabulary import Mode, Outcome, State

UNFINISHED = (Outcome.ACTIVE, Outcome.ABANDONED)
WITHDRAWN = "withdrawn"  # no outcome of anybody: nothing of them is left


def find(db: Session, slug: str) -> Study:
    """Raises StudyError when there is no such study."""
    study = db.scalar(select(Study).where(Study.slug == slug))
    if study is None:
        known = ", ".join(db.scalars(select(Study.slug).order_by(Study.slug))) or "none yet"
        raise StudyError(f"no study {slug!r}; there are: {known}")
    return study


def all_studies(db: Session, state: State | None = None) -> list[Study]:
    """In the order they were brought in, those in `state` or all."""
    query = select(Study).order_by(Study.id)
    return list(db.scalars(query if state is None else query.where(Study.state == state)))


def silent_since(protocol: Protocol) -> datetime:
    """Whoever was last seen before this moment has abandoned the study."""
    return now() - timedelta(minutes=protocol.abandoned_after_minutes)


def late_since(protocol: Protocol) -> datetime:
    """Whoever began before this moment and has not finished is out of time."""
    limit = protocol.time_limit_minutes
    return now() - timedelta(minutes=limit) if limit else datetime.min.replace(tzinfo=UTC)


def release_places(db: Session, study: Study) -> None:
    """Who is out of time, or silent too long, gives their place back.

    Who was silent takes it again on return; who is out of time does not.
    """
    begun = Participant.study_id == study.id, Participant.outcome.in_(UNFINISHED)
    protocol = stored_protocol(study.protocol)
    late = Participant.started_at < late_since(protocol)
    silent = Participant.seen_at < silent_since(protocol)
    for condition, outcome in ((late, Outcome.TIMED_OUT), (silent, Outcome.ABANDONED)):
        db.execute(update(Participant).where(*begun, condition).values(outcome=outcome))


def reached(
    outcome: Outcome, started_at: datetime, seen_at: datetime, late: datetime, silent: datetime
) -> Outcome:
    """The outcome as `release_places` would make it. late, silent: of the study."""
    if outcome not in UNFINISHED:
        return outcome
    if started_at < late:
        return Outcome.TIMED_OUT
    return Outcome.ABANDONED if seen_at < silent else outcome


def counts(db: Session, study: Study) -> dict[str, int]:
    """Live participants by outcome, who withdrew, and how many previewed or were simulated."""
    people = select(
        Participant.mode, Participant.outcome, Participant.started_at, Participant.seen_at
    )
    totals = {str(word): 0 for word in (*Outcome, WITHDRAWN, Mode.PREVIEW, Mode.SIMULATED)}
    protocol = stored_protocol(study.protocol)
    late, silent = late_since(protocol), silent_since(protocol)
    for mode, outcome, started_at, seen_at in db.execute(
        people.where(Participant.study_id == study.id)
    ):
        now_is = reached(outcome, started_at, seen_at, late, silent)
        totals[now_is if mode is Mode.LIVE else mode] += 1
    return totals | {WITHDRAWN: study.withdrawn}


def answers(db: Session, study: Study) -> int:
    """How many answers are stored."""
    query = (
        select(func.count())
        .select_from(Response)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id)
    )
    return db.scalar(query) or 0
