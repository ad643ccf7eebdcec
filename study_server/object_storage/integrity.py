"""Compare the objects of a bucket with the database: missing, changed and left-over stimuli."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.object_storage.bucket import Bucket
from study_server.object_storage.mirror import CONNECTIONS
from study_server.stimuli.files import STALE_AFTER_S
from study_server.storage.models import Stimulus, Study

Track = Callable[[Iterable[Any], int], Iterable[Any]]


def find_damaged_objects(
    db: Session, study: Study, bucket: Bucket, track: Track = lambda items, _total: items
) -> list[str]:
    """Return a line for each stimulus that is missing from the bucket or has changed there.

    track: wraps the stimuli, for a progress bar. Raises StudyError if the bucket cannot be read.
    """
    query = select(Stimulus.image, Stimulus.method, Stimulus.file, Stimulus.file_sha256)
    stimuli = db.execute(query.where(Stimulus.study_id == study.id).order_by(Stimulus.id)).all()
    folders = {row.file.partition("/")[0] for row in stimuli}
    present = {one.name for folder in folders for one in bucket.list(folder)}

    def find_problem(row: Any) -> str:
        if row.file not in present:
            return "is missing"
        changed = hashlib.sha256(bucket.get(row.file)).hexdigest() != row.file_sha256
        return "has been changed" if changed else ""

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        problems = list(track(threads.map(find_problem, stimuli), len(stimuli)))
    return [
        f"{row.image} by {row.method}: {bucket.address(row.file)} {problem}"
        for row, problem in zip(stimuli, problems, strict=True)
        if problem
    ]


def find_orphan_objects(db: Session, bucket: Bucket) -> list[str]:
    """Return the names of objects that no study of this database uses.

    Those of the last ten minutes are left out, because an import may be running. Raises StudyError
    if the bucket cannot be read.
    """
    used, latest = set(db.scalars(select(Stimulus.file))), now() - timedelta(seconds=STALE_AFTER_S)
    return sorted(
        one.name for one in bucket.list() if one.name not in used and one.modified_at < latest
    )
