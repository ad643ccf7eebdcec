"""Outcomes of participants, and when a participant counts as abandoned or timed out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Case,
    Select,
    Text,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Participant, SourceQuota, Study
from study_server.storage.plan_counts import (
    IDS_PER_STATEMENT,
    PLACE_TAKING_OUTCOMES,
    add_participants,
    subtract_participants,
)
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

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


def count_places_taken(db: Session, study: Study, source: RecruitmentSource | None = None) -> int:
    """Count the live participants, from all sources or one, who are complete or under way."""
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.outcome.in_(PLACE_TAKING_OUTCOMES),
        Participant.mode == Mode.LIVE,
    )
    if source is not None:
        query = query.where(Participant.source == source)
    return db.scalar(query) or 0


def is_source_full(db: Session, study: Study, source: RecruitmentSource) -> bool:
    """Return whether as many participants have come from a source as its quota allows."""
    quota = db.get(SourceQuota, (study.id, source), populate_existing=True)
    return quota is not None and count_places_taken(db, study, source) >= quota.places


def update_lapsed_outcomes(db: Session, study: Study) -> None:
    """Mark participants as timed out or abandoned, which frees their places.

    Abandoned participants become active again when they return; timed-out ones do not.
    """
    late = timed_out_before(parse_stored_protocol(study.protocol))
    query = _select_lapsed(study).order_by(Participant.id).with_for_update()
    changes = {
        row.id: Outcome.TIMED_OUT if row.started_at < late else Outcome.ABANDONED
        for row in db.execute(query)
    }
    change_outcomes(db, study, changes)


def has_lapsed_participants(db: Session, study: Study) -> bool:
    """Return whether `update_lapsed_outcomes` would change something."""
    return db.execute(_select_lapsed(study).limit(1)).first() is not None


def _select_lapsed(study: Study) -> Select[int, datetime]:
    """Select the participants whose stored outcome is out of date, each with the start time."""
    protocol = parse_stored_protocol(study.protocol)
    lapsed = or_(
        Participant.started_at < timed_out_before(protocol),
        (Participant.last_seen_at < abandoned_before(protocol))
        & (Participant.outcome == Outcome.ACTIVE),
    )
    begun = Participant.study_id == study.id, Participant.outcome.in_(UNFINISHED_OUTCOMES)
    return select(Participant.id, Participant.started_at).where(*begun, lapsed)


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


def current_outcome_column(protocol: Protocol) -> Case[Any]:
    """Return the SQL expression for the outcome that `update_lapsed_outcomes` would store."""
    is_unfinished = Participant.outcome.in_(UNFINISHED_OUTCOMES)
    is_late = is_unfinished & (Participant.started_at < timed_out_before(protocol))
    is_silent = is_unfinished & (Participant.last_seen_at < abandoned_before(protocol))
    return case(
        (is_late, literal(Outcome.TIMED_OUT.value)),
        (is_silent, literal(Outcome.ABANDONED.value)),
        else_=type_coerce(Participant.outcome, Text),
    )
