"""The tags by which researchers find a study among many."""

import re
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.storage.models import Study, StudyTag

TAG_PATTERN = re.compile(r"[\w.-]{1,32}")
MAX_TAGS = 20


def list_tags(db: Session, study: Study) -> list[str]:
    """Return the tags of a study in alphabetical order."""
    query = select(StudyTag.tag).where(StudyTag.study_id == study.id)
    return sorted(db.scalars(query))


def parse_tags(text: str) -> list[str]:
    """Return the tags in a text, which spaces or commas separate; raises StudyError."""
    tags = sorted(set(text.replace(",", " ").split()))
    for tag in tags:
        if not TAG_PATTERN.fullmatch(tag):
            raise StudyError(
                f"{tag!r} is not a tag: use at most 32 letters, digits, '.', '_' or '-'"
            )
    if len(tags) > MAX_TAGS:
        raise StudyError(f"{len(tags)} tags: use at most {MAX_TAGS}")
    return tags


def set_tags(db: Session, study: Study, tags: Iterable[str]) -> None:
    """Replace the tags of a study."""
    db.execute(delete(StudyTag).where(StudyTag.study_id == study.id))
    db.add_all(StudyTag(study_id=study.id, tag=tag) for tag in tags)
    db.flush()
