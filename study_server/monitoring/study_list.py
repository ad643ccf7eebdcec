"""The list of studies, searched and filtered by tag."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Participant, Study, StudyTag
from study_server.studies import lookup
from study_server.studies.unblinding import planned_participants
from study_server.vocabulary import Mode, Outcome, StudyState


@dataclass(frozen=True)
class StudyRow:
    """A study in the list. last_seen: when a live participant was last seen, or None."""

    slug: str
    title: str
    state: StudyState
    preset: str
    planned: int | None
    complete: int
    under_way: int
    last_seen: datetime | None
    tags: Sequence[str]


def list_study_rows(db: Session, search: str = "", tag: str = "") -> list[StudyRow]:
    """Return the studies with the tag whose slug, title or tags contain the text, newest first."""
    tags, last_seen = _load_tags(db), _load_last_seen(db)
    return [
        _build_row(db, study, tags[study.id], last_seen.get(study.id))
        for study in reversed(lookup.list_studies(db))
        if (not tag or tag in tags[study.id])
        and search.lower() in " ".join([study.slug, study.title, *tags[study.id]]).lower()
    ]


def list_tags(db: Session) -> list[str]:
    """Return the tags of all studies, in alphabetical order."""
    return list(db.scalars(select(StudyTag.tag).distinct().order_by(StudyTag.tag)))


def _load_tags(db: Session) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    for one in db.scalars(select(StudyTag).order_by(StudyTag.tag)):
        tags[one.study_id].append(one.tag)
    return tags


def _load_last_seen(db: Session) -> dict[int, datetime]:
    query = (
        select(Participant.study_id, func.max(Participant.last_seen_at).label("seen_at"))
        .where(Participant.mode == Mode.LIVE)
        .group_by(Participant.study_id)
    )
    return {row.study_id: row.seen_at for row in db.execute(query)}


def _build_row(
    db: Session, study: Study, tags: Sequence[str], last_seen: datetime | None
) -> StudyRow:
    counts = lookup.count_by_outcome(db, study)
    return StudyRow(
        slug=study.slug,
        title=study.title,
        state=study.state,
        preset=parse_stored_protocol(study.protocol).preset,
        planned=planned_participants(study),
        complete=counts[Outcome.COMPLETE],
        under_way=counts[Outcome.ACTIVE],
        last_seen=last_seen,
        tags=tags,
    )
