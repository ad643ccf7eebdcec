"""The numbers of participants at which enrollment stops, and their changes after the freeze."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.storage.models import SourceQuota, Study, StudyChange
from study_server.studies.unblinding import count_complete
from study_server.vocabulary import RecruitmentSource

STOP_AT_SETTING = "stop_at"  # in the exports
QUOTA_SETTING = "quota_"  # and the name of the source


def change_stop_at(db: Session, study: Study, stop_at: int | None, by: str) -> bool:
    """Set the number of participants at which enrollment stops; return whether it was another one.

    stop_at: None for no limit. A change after the freeze is exported, and the report lists it as a
    deviation. Raises StudyError if the number is below 1.
    """
    if stop_at is not None and stop_at < 1:
        raise StudyError(f"{stop_at} is not a number of participants; use 1 or more")
    _lock_enrollment(db, study)
    before = study.stop_at
    if before == stop_at:
        return False
    study.stop_at = stop_at
    _record_change(db, study, STOP_AT_SETTING, before, stop_at, by)
    return True


def change_quota(
    db: Session, study: Study, source: RecruitmentSource, places: int | None, by: str
) -> bool:
    """Set the number of participants from a source; return whether it was another one.

    places: None for no limit; 0 admits nobody. A change after the freeze is recorded as one of
    stop_at is. Raises StudyError if the number is negative.
    """
    if places is not None and places < 0:
        raise StudyError(f"{places} is not a number of participants; use 0 or more")
    _lock_enrollment(db, study)
    quota = db.get(SourceQuota, (study.id, source), populate_existing=True)
    before = None if quota is None else quota.places
    if before == places:
        return False
    if quota is not None and places is None:
        db.delete(quota)
    elif places is not None:
        db.merge(SourceQuota(study_id=study.id, source=source, places=places))
    _record_change(db, study, f"{QUOTA_SETTING}{source}", before, places, by)
    return True


def load_quotas(db: Session, study: Study) -> dict[RecruitmentSource, int]:
    """Return the numbers of participants at which sources are full."""
    query = select(SourceQuota.source, SourceQuota.places).where(SourceQuota.study_id == study.id)
    return {row.source: row.places for row in db.execute(query.order_by(SourceQuota.source))}


def _lock_enrollment(db: Session, study: Study) -> None:
    """Lock the study's row, as an enrollment does."""
    db.flush()
    db.refresh(study, ["stop_at"], with_for_update={"key_share": True})


def _record_change(
    db: Session, study: Study, setting: str, before: int | None, after: int | None, by: str
) -> None:
    """Record a change for the exports, if the design is frozen."""
    if study.design is not None:
        db.add(
            StudyChange(
                study_id=study.id,
                changed_at=now(),
                changed_by=by,
                setting=setting,
                before=_format(before),
                after=_format(after),
                complete_count=count_complete(db, study),
            )
        )
    db.flush()


def _format(number: int | None) -> str:
    return "" if number is None else str(number)


def describe_stop_at(stop_at: int | None) -> str:
    """Return when enrollment stops, as the end of a sentence."""
    if stop_at is None:
        return "enrollment has no limit"
    return f"enrollment stops at {format_count(stop_at, 'participant', 'participants')}"


def describe_quota(source: RecruitmentSource, places: int | None) -> str:
    """Return how many participants may come from a source, as the end of a sentence."""
    if places is None:
        return f"no quota for {source}"
    return f"at most {format_count(places, 'participant', 'participants')} from {source}"


def parse_number(text: str) -> int | None:
    """Return a number of participants, or None for an empty text; raises StudyError."""
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError as error:
        raise StudyError(f"{text!r} is not a number of participants") from error
