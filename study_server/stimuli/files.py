"""Stimulus files: check them against the manifest and store them under random names."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.stimuli.images import (
    SAVE_REMEDY,
    DecodedImage,
    InvalidImageError,
    decode_image,
    read_image_file,
)
from study_server.stimuli.manifest import ManifestRow
from study_server.stimuli.png import Pixels, encode_png

REMEDY = "run `colorizer batch` or `study manifest` again"
IMPORT_FOLDER_PREFIX = ".importing-"
STALE_AFTER_S = 600  # an import that wrote nothing for this long is no longer running


def load_stimulus(manifest: Path, row: ManifestRow) -> DecodedImage:
    """Read the stimulus of a row; raises StudyError if it is not what the manifest describes."""
    location = f"{manifest}:{row.line}: {row.path.name}"
    try:
        content = read_image_file(row.path)
    except OSError as error:
        raise StudyError(f"{location}: cannot be read ({error.strerror}); {REMEDY}") from error
    except InvalidImageError as error:
        raise StudyError(f"{location} {error}; {REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise StudyError(f"{location} does not match its sha256; {REMEDY}")
    try:
        stimulus = decode_image(content)
    except InvalidImageError as error:
        raise StudyError(f"{location} {error}; {SAVE_REMEDY}") from error
    width, height = stimulus.facts.width, stimulus.facts.height
    if (width, height) != (row.width, row.height):
        raise StudyError(
            f"{location} is {width}x{height}, but the manifest says {row.width}x{row.height}; "
            f"{REMEDY}"
        )
    return stimulus


class StoredFile(NamedTuple):
    """A stimulus file below the folder of its study."""

    name: str
    size_bytes: int
    sha256: str


def store_stimulus(pixels: Pixels, folder: Path) -> StoredFile:
    """Write one stimulus to `folder` under a random name."""
    name, content = f"{secrets.token_urlsafe(16)}.png", encode_png(pixels)
    try:
        (folder / name).write_bytes(content)
    except OSError as error:
        raise StudyError(
            f"{folder.parent}: {error.strerror}; nothing was imported; free some space "
            "(3 bytes per pixel of every stimulus), or set STUDY_INSTANCE to a folder on another "
            "disk"
        ) from error
    return StoredFile(name, len(content), hashlib.sha256(content).hexdigest())


@contextmanager
def temporary_folder(stimuli: Path, stale_after_s: float | None = None) -> Iterator[Path]:
    """Yield a new folder below `stimuli` for one import.

    At the end it is removed unless the caller has renamed it. A killed process leaves its folder
    behind; the next import removes folders that were last written to more than `stale_after_s`
    ago (default: ten minutes), by the disk's own clock.
    """
    folder = stimuli / f"{IMPORT_FOLDER_PREFIX}{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    age_s = STALE_AFTER_S if stale_after_s is None else stale_after_s
    _remove_stale_folders(stimuli, folder.stat().st_mtime - age_s)
    try:
        yield folder
    finally:
        remove_path(folder)


def _remove_stale_folders(stimuli: Path, before: float) -> None:
    for folder in stimuli.glob(f"{IMPORT_FOLDER_PREFIX}*"):
        with suppress(FileNotFoundError):  # another import has just finished
            if folder.stat().st_mtime < before:
                remove_path(folder)
