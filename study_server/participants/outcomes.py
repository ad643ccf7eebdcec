"""Outcomes of participants, and when a participant counts as abandoned or timed out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Case,
    Engine,
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
from study_server.storage.engine import read_session, write_transaction
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
PEOPLE_PER_TRANSACTION = 50  # changed at once in the background


def abandoned_before(protocol: Protocol) -> datetime:
    """Return the time before which a participant's last request means that they have left."""
    return now() - timedelta(minutes=protocol.abandoned_after_minutes)


def timed_out_before(protocol: Protocol) -> datetime:
    """Return the start time before which unfinished participants have timed out."""
    limit = protocol.time_limit_minutes
    return now() - timedelta(minutes=limit) if limit else datetime.min.replace(tzinfo=UTC)


def is_source_full(db: Session, study: Study, source: RecruitmentSource) -> bool:
    """Return whether as many participants have come from a source as its quota allows."""
    quota = db.get(SourceQuota, (study.id, source), populate_existing=True)
    return quota is not None and _count_from(db, study, source) >= quota.places


def _count_from(db: Session, study: Study, source: RecruitmentSource) -> int:
    """Count the live participants from a source who are complete or under way."""
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.outcome.in_(PLACE_TAKING_OUTCOMES),
        Participant.mode == Mode.LIVE,
        Participant.source == source,
    )
    return db.scalar(query) or 0


def release_places(engine: Engine) -> int:
    """Update the lapsed outcomes of all studies; return the number of participants.

    The server does this once a minute. Each transaction changes few participants, because answers
    wait for it.
    """
    with read_session(engine) as db:
        studies = [
            study.id for study in db.scalars(select(Study)) if has_lapsed_participants(db, study)
        ]
    return sum(_release_places_of(engine, study_id) for study_id in studies)


def _release_places_of(engine: Engine, study_id: int) -> int:
    released, batch = 0, PEOPLE_PER_TRANSACTION
    while batch == PEOPLE_PER_TRANSACTION:
        with write_transaction(engine) as db:
            study = db.get(Study, study_id)
            batch = update_lapsed_outcomes(db, study, PEOPLE_PER_TRANSACTION) if study else 0
            released += batch
    return released


def update_lapsed_outcomes(db: Session, study: Study, limit: int | None = None) -> int:
    """Mark participants as timed out or abandoned, which frees their places.

    Abandoned participants become active again when they return; timed-out ones do not. limit: at
    most this many are changed. Returns their number.
    """
    late = timed_out_before(parse_stored_protocol(study.protocol))
    query = _select_lapsed(study).order_by(Participant.id).limit(limit).with_for_update()
    changes = {
        row.id: Outcome.TIMED_OUT if row.started_at < late else Outcome.ABANDONED
        for row in db.execute(query)
    }
    change_outcomes(db, study, changes)
    return len(changes)


def has_lapsed_participants(db: Session, study: Study) -> bool:
    """Return whether `update_lapsed_outcomes` would change something."""
    return db.execute(_select_lapsed(study).limit(1)).first() is not None


def _select_lapsed(study: Study) -> Select[int, datetime]:
    """Select the participants whose stored outcome is out of date, each with the start time."""
    protocol = parse_stored_protocol(study.protocol)
    lapsed = or_(  # each line has an index of its own
        Participant.outcome.in_(UNFINISHED_OUTCOMES)
        & (Participant.started_at < timed_out_before(protocol)),
        (Participant.outcome == Outcome.ACTIVE)
        & (Participant.last_seen_at < abandoned_before(protocol)),
    )
    return select(Participant.id, Participant.started_at).where(
        Participant.study_id == study.id, lapsed
    )


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
