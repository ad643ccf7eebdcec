"""Compare the stored stimulus files with the database: missing, changed and left-over files."""

import hashlib
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.files import remove_path
from study_server.stimuli.files import STALE_AFTER_S
from study_server.stimuli.folders import TrackProgress, track_nothing
from study_server.storage.models import Stimulus, Study


def find_damaged_files(
    db: Session, study: Study, folder: Path, track: TrackProgress = track_nothing
) -> list[str]:
    """Return a line for each file of a study that is missing or has changed since its import.

    folder: the folder of all stimuli. track: wraps the stimuli, for a progress bar.
    """
    query = select(Stimulus.image, Stimulus.method, Stimulus.file, Stimulus.file_sha256)
    stimuli = db.execute(query.where(Stimulus.study_id == study.id).order_by(Stimulus.id)).all()
    return [
        f"{image} by {method}: {folder / file} {problem}"
        for image, method, file, sha256 in track(stimuli, len(stimuli))
        if (problem := _find_problem(folder / file, sha256))
    ]


def _find_problem(file: Path, sha256: str) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if hashlib.sha256(content).hexdigest() == sha256 else "has been changed"


def find_orphans(db: Session, folder: Path) -> list[Path]:
    """Return what no study of this database uses: folders of stimuli, and files in used folders.

    Anything written to in the last ten minutes is left out, because an import may be running.
    """
    used = {folder / file for file in db.scalars(select(Stimulus.file))}
    used_folders = {file.parent for file in used}
    present = {*_list(folder), *(path for one in used_folders for path in _list(one))}
    latest = time.time() - STALE_AFTER_S
    return sorted(path for path in present - used - used_folders if path.stat().st_mtime < latest)


def _list(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def remove_orphan(path: Path) -> None:
    """Delete a file, or a folder with its files."""
    if path.is_dir():
        remove_path(path)
    else:
        path.unlink(missing_ok=True)
