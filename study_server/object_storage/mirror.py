"""Keep a copy of a bucket's stimuli in the folder of each server, from which it sends them.

Images are never fetched when a browser asks for them: photographs are shown beside the fakes of
every method and would be fetched sooner, so the time of a reply would give fakes away. A new
folder therefore appears only once all of its files are there.
"""

import hashlib
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.object_storage.bucket import Bucket
from study_server.stimuli.files import temporary_folder
from study_server.stimuli.importing import Publish, publish_nowhere
from study_server.storage.engine import read_session
from study_server.storage.exclusive import exclusively
from study_server.storage.models import Stimulus, Study
from study_server.vocabulary import StudyState

CONNECTIONS = 16


class MirroredFile(NamedTuple):
    """A stimulus file below the folder of all stimuli, which has the same name in the bucket."""

    name: str
    size_bytes: int
    sha256: str


def publish_to(bucket: Bucket | None) -> Publish:
    """Return the function by which an import copies its files to the bucket, if there is one."""
    return partial(_publishing, bucket) if bucket else publish_nowhere


@contextmanager
def _publishing(bucket: Bucket, folder: Path, name: str) -> Iterator[None]:
    """Put the files of a folder into the bucket, below `name`, and remove them if the block fails.

    Raises StudyError if the bucket refuses one of them.
    """

    def put(file: Path) -> None:
        bucket.put(f"{name}/{file.name}", file.read_bytes())

    try:
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            list(threads.map(put, folder.iterdir()))
        yield
    except BaseException:
        with suppress(StudyError):  # `study check` finds what cannot be removed now
            bucket.delete_folders([name])
        raise


def mirror_stimuli(
    engine: Engine, folder: Path, bucket: Bucket, report: Callable[[str], None]
) -> None:
    """Fetch the stimuli of all studies that this server lacks, those of open studies first.

    report: called with a line for each study whose stimuli cannot be fetched. One process of a
    server does this at a time; the others return at once.
    """
    name = f"stimuli of {socket.gethostname()}:{folder}"
    with suppress(StudyError), exclusively(engine, name, "another process is doing it"):
        with read_session(engine) as db:
            studies = db.scalars(select(Study).order_by(Study.state != StudyState.OPEN, Study.id))
            missing = {study.slug: find_missing(db, study, folder) for study in studies.all()}
        for slug, files in missing.items():
            try:
                fetch(bucket, folder, files)
            except StudyError as error:
                report(f"{slug}: {error}")


def find_missing(db: Session, study: Study, folder: Path) -> list[MirroredFile]:
    """Return the stimulus files of a study that are not here, or have another size."""
    query = select(Stimulus.file, Stimulus.file_bytes, Stimulus.file_sha256).where(
        Stimulus.study_id == study.id
    )
    return [
        MirroredFile(*row) for row in db.execute(query) if not _is_here(folder / row[0], row[1])
    ]


def _is_here(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except OSError:
        return False


def fetch(bucket: Bucket, folder: Path, files: Sequence[MirroredFile]) -> None:
    """Fetch files to the folder of all stimuli. Raises StudyError that names a file it cannot get.

    Files of a folder that does not exist yet appear all at once.
    """
    by_folder: dict[str, list[MirroredFile]] = defaultdict(list)
    for file in files:
        by_folder[file.name.partition("/")[0]].append(file)
    for name, inside in by_folder.items():
        bucket.require(name, [file.name for file in inside])
        try:
            if (folder / name).is_dir():
                _download(bucket, folder / name, inside)
                continue
            with temporary_folder(folder) as temporary:
                _download(bucket, temporary, inside)
                if not (folder / name).is_dir():  # another process may have been faster
                    temporary.rename(folder / name)
        except OSError as error:
            raise StudyError(f"{folder}: {error.strerror}; free some space on the disk") from error


def _download(bucket: Bucket, folder: Path, files: Sequence[MirroredFile]) -> None:
    def download(file: MirroredFile) -> None:
        content = bucket.get(file.name)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise StudyError(
                f"{bucket.address(file.name)} has been changed; import the stimuli again"
            )
        with atomic_write(folder / Path(file.name).name) as temporary:
            temporary.write_bytes(content)

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(download, files))


def has_stimuli_here(db: Session, study: Study, folder: Path) -> bool:
    """Return whether the stimuli of a study have been fetched to this server."""
    file = db.scalar(select(func.min(Stimulus.file)).where(Stimulus.study_id == study.id))
    return file is None or (folder / file).parent.is_dir()


def require_stimuli_here(db: Session, study: Study, folder: Path) -> None:
    """Raise StudyError if a stimulus of a study has not been fetched to this server."""
    missing = find_missing(db, study, folder)
    if missing:
        stimuli = format_count(len(missing), "stimulus is", "stimuli are")
        raise StudyError(
            f"{stimuli} not on this server yet, such as {missing[0].name}; try again in a minute, "
            f"or run `study check {study.slug}`"
        )
