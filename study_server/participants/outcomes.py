"""Outcomes of participants, and when a participant counts as abandoned or timed out."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Outcome

UNFINISHED_OUTCOMES = (Outcome.ACTIVE, Outcome.ABANDONED)
# Participants with these outcomes ended before their last trial and cannot continue.
EARLY_END_OUTCOMES = (Outcome.TIMED_OUT, Outcome.SCREENED_OUT, Outcome.RETURNED)


def abandoned_before(protocol: Protocol) -> datetime:
    """Return the time before which a participant's last request means that they have left."""
    return now() - timedelta(minutes=protocol.abandoned_after_minutes)


def timed_out_before(protocol: Protocol) -> datetime:
    """Return the start time before which unfinished participants have timed out."""
    limit = protocol.time_limit_minutes
    return now() - timedelta(minutes=limit) if limit else datetime.min.replace(tzinfo=UTC)


def update_lapsed_outcomes(db: Session, study: Study) -> None:
    """Mark participants as timed out or abandoned, which frees their places.

    Abandoned participants become active again when they return; timed-out ones do not.
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
    """Return the outcome that `update_lapsed_outcomes` would store.

    late, silent: `timed_out_before` and `abandoned_before` of the study's protocol.
    """
    if outcome not in UNFINISHED_OUTCOMES:
        return outcome
    if started_at < late:
        return Outcome.TIMED_OUT
    return Outcome.ABANDONED if seen_at < silent else outcome
