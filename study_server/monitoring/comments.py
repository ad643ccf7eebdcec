"""The comments of participants, and which of them a researcher has read."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from study_server.storage.models import Participant, Study
from study_server.vocabulary import Mode

COMMENTS_PER_PAGE = 100


def count_comments(db: Session, study: Study, mode: Mode = Mode.LIVE) -> tuple[int, int]:
    """Return the numbers of all comments and of those that nobody has marked as read."""
    unread = func.count().filter(Participant.comment_read.is_(False))
    row = db.execute(_with_comment(select(func.count(), unread), study, mode)).one()
    return row[0], row[1]


def list_comments(
    db: Session, study: Study, mode: Mode = Mode.LIVE, page: int = 1
) -> Sequence[Participant]:
    """Return the participants with a comment on a page, the last seen first."""
    query = _with_comment(select(Participant), study, mode)
    ordered = query.order_by(Participant.last_seen_at.desc(), Participant.id.desc())
    return db.scalars(ordered.limit(COMMENTS_PER_PAGE).offset((page - 1) * COMMENTS_PER_PAGE)).all()


def _with_comment(query: Select[*tuple[Any, ...]], study: Study, mode: Mode) -> Any:
    return query.where(
        Participant.study_id == study.id, Participant.mode == mode, Participant.comment != ""
    )


def mark_comments(db: Session, study: Study, names: Collection[str], *, read: bool) -> int:
    """Mark the comments of participants as read or unread; return how many changed.

    names: public IDs.
    """
    changed = (
        Participant.study_id == study.id,
        Participant.public_id.in_(names),
        Participant.comment != "",
        Participant.comment_read.is_(not read),
    )
    query = update(Participant).where(*changed).values(comment_read=read)
    return len(db.scalars(query.returning(Participant.id)).all())
