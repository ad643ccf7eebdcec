"""Studies as a researcher handles them: find one, count who came."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.models import Participant, Response, Stimulus, Study, Trial
from study_server.protocol import stored_protocol
from study_server.words import Mode, Outcome, State


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


def images(db: Session, study: Study) -> list[str]:
    """The photographs of a study."""
    query = select(Stimulus.image).where(Stimulus.study_id == study.id).distinct()
    return sorted(db.scalars(query))


def silent_since(study: Study) -> datetime:
    """Whoever was last seen before this moment has abandoned the study."""
    return now() - timedelta(minutes=stored_protocol(study.protocol).abandoned_after_minutes)


def counts(db: Session, study: Study) -> dict[str, int]:
    """Live participants by outcome, and how many previewed or were simulated."""
    people = select(Participant.mode, Participant.outcome, Participant.seen_at)
    totals = {str(word): 0 for word in (*Outcome, Mode.PREVIEW, Mode.SIMULATED)}
    for mode, outcome, seen_at in db.execute(people.where(Participant.study_id == study.id)):
        silent = outcome is Outcome.ACTIVE and seen_at < silent_since(study)
        reached = Outcome.ABANDONED if silent else outcome
        totals[reached if mode is Mode.LIVE else mode] += 1
    return totals


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
