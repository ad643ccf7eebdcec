"""Who may know the truth when: a study is blinded until its planned sample, or until it is over.

Looking at rates while people come, and stopping when they please, makes chance into findings; so
the truth of live trials stays in the database until then, and who takes it earlier is recorded.
"""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.storage.models import Participant, Study, Unblinding
from study_server.vocabulary import Mode, Outcome, StudyState


def is_blinded(db: Session, study: Study) -> bool:
    """While a study runs, until as many are complete as its design plans for."""
    if study.state not in (StudyState.OPEN, StudyState.PAUSED):
        return False
    planned = planned_participants(study)
    return planned is None or count_complete(db, study) < planned


def planned_participants(study: Study) -> int | None:
    """Of the frozen design; None where it leaves that open, or there is none yet."""
    plan = json.loads(study.design)["plan"] if study.design else {}
    planned: int | None = plan.get("participants")
    return planned


def count_complete(db: Session, study: Study) -> int:
    """Live participants who answered everything."""
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.mode == Mode.LIVE,
        Participant.outcome == Outcome.COMPLETE,
    )
    return db.scalar(query) or 0


def record_reopening(db: Session, study: Study, by: str) -> None:
    """Whoever is about to open a closed study again may have seen its truth: that is recorded."""
    if study.state is not StudyState.CLOSED:
        return
    planned, complete = planned_participants(study), count_complete(db, study)
    if planned is None or complete < planned:
        _record_unblinding(db, study, f"{by}, by opening it again")


def decide_blinding(db: Session, study: Study, unblinded_by: str = "") -> bool:
    """Whether an export is to leave the truth of live trials out.

    unblinded_by: who takes it all the same, which is recorded; not where nothing is hidden.
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
