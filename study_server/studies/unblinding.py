"""Blinding: exports omit the truth until the planned sample is complete or the study is closed.

Optional stopping (looking at the rates during data collection and stopping when they look good)
inflates false positives. Exports therefore omit the truth of live trials until then, and earlier
unblinding is logged.
"""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.storage.models import Participant, Study, Unblinding
from study_server.vocabulary import Mode, Outcome, StudyState


def is_blinded(db: Session, study: Study) -> bool:
    """Return whether the study runs and has fewer complete participants than planned."""
    if study.state not in (StudyState.OPEN, StudyState.PAUSED):
        return False
    planned = planned_participants(study)
    return planned is None or count_complete(db, study) < planned


def planned_participants(study: Study) -> int | None:
    """Return the planned number of participants, or None without a frozen design or a number."""
    plan = json.loads(study.design)["plan"] if study.design else {}
    planned: int | None = plan.get("participants")
    return planned


def count_complete(db: Session, study: Study) -> int:
    """Count the live participants who are complete."""
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.mode == Mode.LIVE,
        Participant.outcome == Outcome.COMPLETE,
    )
    return db.scalar(query) or 0


def is_reopening_logged(db: Session, study: Study) -> bool:
    """Return whether opening this study would be logged, because its data may be known.

    That is so if it was closed before the planned sample was complete.
    """
    if study.state is not StudyState.CLOSED:
        return False
    planned = planned_participants(study)
    return planned is None or count_complete(db, study) < planned


def record_reopening(db: Session, study: Study, by: str) -> bool:
    """Log an unblinding if `is_reopening_logged`; return whether it was."""
    if not is_reopening_logged(db, study):
        return False
    _record_unblinding(db, study, f"{by} (reopened the study)")
    return True


def decide_blinding(db: Session, study: Study, unblinded_by: str = "") -> bool:
    """Return whether an export must omit the truth of live trials.

    unblinded_by: the person who unblinds the export, which is logged if the study is blinded; empty
    for a blinded export.
    """
    if not is_blinded(db, study):
        return False
    if not unblinded_by:
        return True
    _record_unblinding(db, study, unblinded_by)
    return False


def _record_unblinding(db: Session, study: Study, by: str) -> None:
    complete = count_complete(db, study)
    db.add(
        Unblinding(study_id=study.id, unblinded_at=now(), unblinded_by=by, complete_count=complete)
    )
    db.flush()
