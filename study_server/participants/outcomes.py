"""Outcomes: how a participant's run stands or how it ended, and when a place becomes free."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Outcome

UNFINISHED_OUTCOMES = (Outcome.ACTIVE, Outcome.ABANDONED)


def abandoned_before(protocol: Protocol) -> datetime:
    """Whoever was last seen before this moment has abandoned the study."""
    return now() - timedelta(minutes=protocol.abandoned_after_minutes)


def timed_out_before(protocol: Protocol) -> datetime:
    """Whoever began before this moment and has not finished is out of time."""
    limit = protocol.time_limit_minutes
    return now() - timedelta(minutes=limit) if limit else datetime.min.replace(tzinfo=UTC)


def update_lapsed_outcomes(db: Session, study: Study) -> None:
    """Who is out of time, or silent too long, gives their place back.

    Who was silent takes it again on return; who is out of time does not.
    """
    begun = Participant.study_id == study.id, Participant.outcome.in_(UNFINISHED_OUTCOMES)
    protocol = parse_stored_protocol(study.protocol)
    late = Participant.started_at < timed_out_before(protocol)
    silent = Participant.last_seen_at < abandoned_before(protocol)
    for condition, outcome in ((late, Outcome.TIMED_OUT), (silent, Outcome.ABANDONED)):
        db.execute(update(Participant).where(*begun, condition).values(outcome=outcome))


def current_outcome(
    outcome: Outcome, started_at: datetime, seen_at: datetime, late: datetime, silent: datetime
) -> Outcome:
    """The outcome as `update_lapsed_outcomes` would make it. late, silent: of the study."""
    if outcome not in UNFINISHED_OUTCOMES:
        return outcome
    if started_at < late:
        return Outcome.TIMED_OUT
    return Outcome.ABANDONED if seen_at < silent else outcome


# before the last trial
EARLY_END_OUTCOMES = (Outcome.TIMED_OUT, Outcome.SCREENED_OUT, Outcome.RETURNED)
