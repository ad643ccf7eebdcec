"""The number of participants at which enrollment stops, and its changes after the freeze."""

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.storage.models import Study, StudyChange
from study_server.studies.unblinding import count_complete

STOP_AT_SETTING = "stop_at"  # in the exports


def change_stop_at(db: Session, study: Study, stop_at: int | None, by: str) -> bool:
    """Set the number of participants at which enrollment stops; return whether it was another one.

    stop_at: None for no limit. A change after the freeze is exported, and the report lists it as a
    deviation. Raises StudyError if the number is below 1.
    """
    if stop_at is not None and stop_at < 1:
        raise StudyError(f"{stop_at} is not a number of participants; use 1 or more")
    db.flush()
    db.refresh(study, ["stop_at"], with_for_update={"key_share": True})  # as enrollment does
    before = study.stop_at
    if before == stop_at:
        return False
    study.stop_at = stop_at
    if study.design is not None:
        db.add(
            StudyChange(
                study_id=study.id,
                changed_at=now(),
                changed_by=by,
                setting=STOP_AT_SETTING,
                before=_format(before),
                after=_format(stop_at),
                complete_count=count_complete(db, study),
            )
        )
    db.flush()
    return True


def _format(stop_at: int | None) -> str:
    return "" if stop_at is None else str(stop_at)


def describe_stop_at(stop_at: int | None) -> str:
    """Return when enrollment stops, as the end of a sentence."""
    if stop_at is None:
        return "enrollment has no limit"
    return f"enrollment stops at {format_count(stop_at, 'participant', 'participants')}"


def parse_stop_at(text: str) -> int | None:
    """Return a number of participants, or None for an empty text; raises StudyError."""
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError as error:
        raise StudyError(f"{text!r} is not a number of participants") from error
