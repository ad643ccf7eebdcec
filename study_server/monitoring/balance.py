"""Measure how evenly the methods are planned so far."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Stimulus, StimulusCount, Study
from study_server.storage.plan_count_queries import count_participants
from study_server.studies.unblinding import is_blinded
from study_server.vocabulary import Mode


@dataclass(frozen=True)
class Balance:
    """The planned views per method, of participants who are under way or complete.

    participants: those assigned to each method, if each sees only one. least, most: the range of
    participants or views per method. by_method: the views, or participants; empty if they are
    hidden, because the change of a method's count when somebody enrolls would reveal the only
    method that they see.
    """

    unit: str
    by_method: Mapping[str, int]
    least: int
    most: int


def measure_balance(db: Session, study: Study, mode: Mode) -> Balance | None:
    """Return the balance of a study's methods; None before anyone has enrolled."""
    protocol = parse_stored_protocol(study.protocol)
    is_between = protocol.assignment == "between"
    unit = "participants" if is_between else "planned views"
    counts = (
        dict.fromkeys(protocol.methods, 0) | count_participants(db, study, mode)
        if is_between
        else _count_views(db, study, mode)
    )
    if not any(counts.values()):
        return None
    is_hidden = is_between and mode is Mode.LIVE and is_blinded(db, study)
    compared = [counts.get(method, 0) for method in protocol.methods]
    return Balance(unit, {} if is_hidden else counts, min(compared), max(compared))


def _count_views(db: Session, study: Study, mode: Mode) -> dict[str, int]:
    views = func.sum(StimulusCount.trials).label("views")
    query = (
        select(Stimulus.method, views)
        .join(StimulusCount, StimulusCount.stimulus_id == Stimulus.id)
        .where(StimulusCount.study_id == study.id, StimulusCount.mode == mode)
        .group_by(Stimulus.method)
        .order_by(Stimulus.method)
    )
    return {row.method: int(row.views) for row in db.execute(query)}
