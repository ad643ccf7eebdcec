"""The log of the actions of researchers, which is kept after a study has been deleted."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.storage.models import LoggedAction

COMMAND_LINE = "command line"  # the author of what a command did


def log_action(db: Session, slug: str, action: str, done_by: str) -> None:
    """Add an action to the log. action: a sentence without its subject, "opened the study"."""
    db.add(LoggedAction(slug=slug, action=action, done_by=done_by, done_at=now()))


def list_actions(db: Session, slug: str | None = None, limit: int = 200) -> list[LoggedAction]:
    """Return the newest actions on one study, or on all of this server, the newest first."""
    query = select(LoggedAction).order_by(LoggedAction.id.desc()).limit(limit)
    return list(db.scalars(query if slug is None else query.where(LoggedAction.slug == slug)))
