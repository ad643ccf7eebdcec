"""Decide whether a draft can still be changed, and count its versions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Mode, StudyState


class StaleDraftError(StudyError):
    """Someone else has changed the draft since the form was loaded."""


def draft_version(study: Study) -> str:
    """Return an identifier of the draft's version, which changes if the study is imported again."""
    return f"{study.revision}-{study.created_at.timestamp():.0f}"


def has_live_participants(db: Session, study: Study) -> bool:
    """Return whether anybody has taken part live, including people who have withdrawn."""
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    first = db.scalar(select(Participant.id).where(*live).limit(1))
    return first is not None or study.withdrawn_count > 0


def find_lock(db: Session, study: Study) -> str:
    """Return why the draft cannot be changed, as a sentence without a period; "" if it can."""
    if study.design is not None:
        return "The design is frozen"
    if has_live_participants(db, study):
        return "Somebody has taken part"
    if study.state is not StudyState.DRAFT:
        return f"The study is {study.state}"
    return ""


def begin_change(db: Session, study: Study, version: str) -> None:
    """Lock the draft, and count a change of it.

    version: `draft_version` when the form was loaded. Raises StaleDraftError if the draft has
    changed since then, and StudyError if it can no longer be changed.
    """
    db.flush()
    db.refresh(study, with_for_update=True)  # SQLite has one writer anyway
    require_changeable(db, study, version)
    study.revision += 1


def require_changeable(db: Session, study: Study, version: str) -> None:
    """Raise StaleDraftError or StudyError as `begin_change` does, without a lock."""
    reason = find_lock(db, study)
    if reason:
        raise StudyError(f"{reason}, so nothing was saved")
    if version != draft_version(study):
        raise StaleDraftError(
            "Someone else has changed this study since you opened the page, so nothing was saved"
        )
