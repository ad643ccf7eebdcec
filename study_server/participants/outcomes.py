"""Outcomes of participants, and when a participant counts as abandoned or timed out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant, Study
from study_server.storage.plan_counts import (
    IDS_PER_STATEMENT,
    add_participants,
    subtract_participants,
)
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
    protocol = parse_stored_protocol(study.protocol)
    late, silent = timed_out_before(protocol), abandoned_before(protocol)
    lapsed = or_(
        Participant.started_at < late,
        (Participant.last_seen_at < silent) & (Participant.outcome == Outcome.ACTIVE),
    )
    begun = Participant.study_id == study.id, Participant.outcome.in_(UNFINISHED_OUTCOMES)
    query = select(Participant.id, Participant.started_at).where(*begun, lapsed)
    changes = {
        row.id: Outcome.TIMED_OUT if row.started_at < late else Outcome.ABANDONED
        for row in db.execute(query.order_by(Participant.id).with_for_update())
    }
    change_outcomes(db, study, changes)


def change_outcomes(db: Session, study: Study, changes: Mapping[int, Outcome]) -> None:
    """Store new outcomes of participants, by id, and count their plans accordingly.

    The caller has locked these participants.
    """
    subtract_participants(db.connection(), study.id, changes)
    for outcome in sorted(set(changes.values())):
        ids = [id_ for id_, new in changes.items() if new is outcome]
        for start in range(0, len(ids), IDS_PER_STATEMENT):
            batch = Participant.id.in_(ids[start : start + IDS_PER_STATEMENT])
            db.execute(update(Participant).where(batch).values(outcome=outcome))
    add_participants(db.connection(), study.id, changes)


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
