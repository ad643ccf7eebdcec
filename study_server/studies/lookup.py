"""Studies as a researcher handles them: find one, count who came."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.participants.outcomes import abandoned_before, current_outcome, timed_out_before
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Participant, Response, Study, Trial
from study_server.vocabulary import Mode, Outcome, StudyState

WITHDRAWN = "withdrawn"  # no outcome of anybody: nothing of them is left


def find_study(db: Session, slug: str) -> Study:
    """Raises StudyError when there is no such study."""
    study = db.scalar(select(Study).where(Study.slug == slug))
    if study is None:
        slugs = ", ".join(db.scalars(select(Study.slug).order_by(Study.slug))) or "none yet"
        raise StudyError(f"no study {slug!r}; there are: {slugs}")
    return study


def list_studies(db: Session, state: StudyState | None = None) -> list[Study]:
    """In the order they were brought in, those in `state` or all."""
    query = select(Study).order_by(Study.id)
    return list(db.scalars(query if state is None else query.where(Study.state == state)))


def count_by_outcome(db: Session, study: Study) -> dict[str, int]:
    """Live participants by outcome, who withdrew, and how many previewed or were simulated."""
    people = select(
        Participant.mode, Participant.outcome, Participant.started_at, Participant.last_seen_at
    )
    totals = {str(word): 0 for word in (*Outcome, WITHDRAWN, Mode.PREVIEW, Mode.SIMULATED)}
    protocol = parse_stored_protocol(study.protocol)
    late, silent = timed_out_before(protocol), abandoned_before(protocol)
    for mode, outcome, started_at, seen_at in db.execute(
        people.where(Participant.study_id == study.id)
    ):
        outcome_now = current_outcome(outcome, started_at, seen_at, late, silent)
        totals[outcome_now if mode is Mode.LIVE else mode] += 1
    return totals | {WITHDRAWN: study.withdrawn_count}


def count_responses(db: Session, study: Study) -> int:
    """How many answers are stored."""
    query = (
        select(func.count())
        .select_from(Response)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id)
    )
    return db.scalar(query) or 0
