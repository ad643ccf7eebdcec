"""Keep the counts of participants, so that a page of a large study need not count again.

The server stores the counts of participants who have been silent for a while. Those that are
missing or outdated are counted when they are needed. A page counts only the latest of them, and
says how many it leaves out until the server has counted them.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, and_, func, insert, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import InstrumentedAttribute, Session

from study_server.clock import now
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant, StoredCounts, Study
from study_server.studies import lookup
from study_server.studies.exclusion_rules import exclusion_rules_of
from study_server.studies.trial_counts import (
    CountsByName,
    ExposureErrors,
    count_exposure_errors,
    count_trials,
)
from study_server.vocabulary import Mode

# Participant.last_seen_at may lag by 10 s behind an answer; nobody counts sooner.
QUIET_FOR = timedelta(seconds=60)
PEOPLE_PER_TRANSACTION = 200
MAX_COUNTED_FOR_A_PAGE = 200  # after a restored backup, counting thousands takes seconds


def load_counts(
    db: Session, study: Study, mode: Mode, at_most: int | None = None
) -> dict[int, CountsByName]:
    """Return the counts of all participants of a mode, by id.

    at_most: the number of participants to count now, the latest ones, if their counts are not
    stored; the result leaves out the others. None: all of them.
    """
    counts, others = _load_current(db, study, mode, StoredCounts.counts, at_most)
    for id_, counted in count_trials(db, study, others, exclusion_rules_of(study).fast_ms).items():
        counts[id_] = vars(counted)
    return counts


def load_exposure_errors(
    db: Session, study: Study, mode: Mode, at_most: int | None = None
) -> ExposureErrors:
    """Return the exposure errors of all participants of a mode together.

    at_most: as for `load_counts`.
    """
    total: defaultdict[str, int] = defaultdict(int)
    stored, others = _load_current(db, study, mode, StoredCounts.exposure_errors, at_most)
    for errors in stored.values():
        for steps, images in errors.items():
            total[steps] += images
    for counted in count_exposure_errors(db, others).values():
        for step, images in counted.items():
            total[str(step)] += images
    return {int(steps): images for steps, images in total.items()}


def count_left_out(db: Session, study: Study, mode: Mode, included: int) -> int:
    """Return how many participants of a mode a page leaves out. included: those that it shows."""
    people = Participant.study_id == study.id, Participant.mode == mode
    return max((db.scalar(select(func.count()).where(*people)) or 0) - included, 0)


def _load_current(
    db: Session,
    study: Study,
    mode: Mode,
    column: InstrumentedAttribute[str],
    at_most: int | None,
) -> tuple[dict[int, CountsByName], list[int]]:
    """Return the parsed JSON of stored counts that still hold, by id, and the ids to count now."""
    rows = db.execute(_select_current(study, mode, column)).all()
    stored = [(id_, text) for id_, text in rows if text is not None]
    parsed = json.loads(f"[{','.join(text for _, text in stored)}]")  # faster than one by one
    others = sorted(id_ for id_, text in rows if text is None)
    first = 0 if at_most is None else max(len(others) - at_most, 0)
    return dict(zip((id_ for id_, _ in stored), parsed, strict=True)), others[first:]


def _select_current(
    study: Study, mode: Mode, column: InstrumentedAttribute[str]
) -> Select[int, str | None]:
    """Build the query for the ids of participants, each with a stored text that still holds."""
    holds = and_(
        StoredCounts.participant_id == Participant.id,
        StoredCounts.seen_at == Participant.last_seen_at,
        StoredCounts.fast_ms == exclusion_rules_of(study).fast_ms,
    )
    people = Participant.study_id == study.id, Participant.mode == mode
    return select(Participant.id, column).outerjoin(StoredCounts, holds).where(*people)


def store_counts(engine: Engine) -> int:
    """Store the counts that are missing or outdated; return the number of participants."""
    with read_session(engine) as db:
        ids_by_study = {study.id: _find_outdated(db, study) for study in lookup.list_studies(db)}
    for study_id, ids in ids_by_study.items():
        for start in range(0, len(ids), PEOPLE_PER_TRANSACTION):
            _store_batch(engine, study_id, ids[start : start + PEOPLE_PER_TRANSACTION])
    return sum(map(len, ids_by_study.values()))


def _find_outdated(db: Session, study: Study) -> list[int]:
    """Return the ids of silent participants whose counts are missing or outdated."""
    is_outdated = or_(
        StoredCounts.participant_id.is_(None),
        StoredCounts.seen_at != Participant.last_seen_at,
        StoredCounts.fast_ms != exclusion_rules_of(study).fast_ms,
    )
    is_silent = Participant.last_seen_at < now() - QUIET_FOR
    query = select(Participant.id).outerjoin(StoredCounts).order_by(Participant.id)
    return list(db.scalars(query.where(Participant.study_id == study.id, is_silent, is_outdated)))


def _store_batch(engine: Engine, study_id: int, ids: Collection[int]) -> None:
    """Count the trials of some participants, then store the counts of those who still exist."""
    with read_session(engine) as db:
        study = db.get(Study, study_id)
        rows = _count_rows(db, study, ids) if study else []
    with write_transaction(engine) as db:
        locked = _select_seen(ids).order_by(Participant.id).with_for_update()
        unchanged = {row.id: row.last_seen_at for row in db.execute(locked)}
        db.execute(delete_rows(StoredCounts).where(StoredCounts.participant_id.in_(ids)))
        current = [row for row in rows if unchanged.get(row["participant_id"]) == row["seen_at"]]
        if current:
            db.execute(insert(StoredCounts), current)


def _count_rows(db: Session, study: Study, ids: Collection[int]) -> list[dict[str, Any]]:
    fast_ms = exclusion_rules_of(study).fast_ms
    moments = {row.id: row.last_seen_at for row in db.execute(_select_seen(ids))}
    errors = count_exposure_errors(db, ids)
    return [
        {
            "participant_id": id_,
            "seen_at": moments[id_],
            "fast_ms": fast_ms,
            "counts": json.dumps(vars(counts)),
            "exposure_errors": json.dumps(errors[id_]),
        }
        for id_, counts in count_trials(db, study, moments, fast_ms).items()
    ]


def _select_seen(ids: Collection[int]) -> Select[int, datetime]:
    return select(Participant.id, Participant.last_seen_at).where(Participant.id.in_(ids))
