"""Stimuli on the disk: checked against the manifest, stored alike under names that tell nothing."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from study_server.errors import StudyError
from study_server.stimuli.manifest import ManifestRow
from study_server.stimuli.png import InvalidPngError, Pixels, decode_png, encode_png, read_png_file

REMEDY = "run `colorizer batch` or `study manifest` again"
IMPORT_FOLDER_PREFIX = ".importing-"
STALE_AFTER_S = 600  # an import that wrote nothing for so long is no longer running


def load_stimulus(manifest: Path, row: ManifestRow) -> Pixels:
    """The row's pixels; raises StudyError when the file is not what the manifest says."""
    location = f"{manifest}:{row.line}: {row.path.name}"
    try:
        content = read_png_file(row.path)
    except OSError as error:
        raise StudyError(f"{location}: not readable ({error.strerror}); {REMEDY}") from error
    except InvalidPngError as error:
        raise StudyError(f"{location} {error}; {REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise StudyError(f"{location} differs from its sha256; {REMEDY}")
    try:
        pixels = decode_png(content)
    except InvalidPngError as error:
        raise StudyError(f"{location} {error}; write 8-bit RGB PNG") from error
    height, width, _ = pixels.shape
    if (width, height) != (row.width, row.height):
        raise StudyError(
            f"{location} is {width}x{height}, the manifest says {row.width}x{row.height}; {REMEDY}"
        )
    return pixels


def store_stimulus(pixels: Pixels, folder: Path) -> str:
    """Write one stimulus into `folder` under a random name, which is returned."""
    name = f"{secrets.token_urlsafe(16)}.png"
    try:
        (folder / name).write_bytes(encode_png(pixels))
    except OSError as error:
        raise StudyError(
            f"{folder.parent}: {error.strerror}; nothing was kept; make room for 3 bytes a pixel "
            "of every stimulus, or set STUDY_INSTANCE to another disk"
        ) from error
    return name


@contextmanager
def temporary_folder(stimuli: Path) -> Iterator[Path]:
    """A folder below `stimuli` for one import, removed at the end unless it was renamed.

    A kill leaves it behind: the next import removes what nobody has written to for ten minutes, by
    the disk's own clock.
    """
    folder = stimuli / f"{IMPORT_FOLDER_PREFIX}{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    _remove_stale_folders(stimuli, folder.stat().st_mtime - STALE_AFTER_S)
    try:
        yield folder
    finally:
        remove_folder(folder)


def _remove_stale_folders(stimuli: Path, before: float) -> None:
    for folder in stimuli.glob(f"{IMPORT_FOLDER_PREFIX}*"):
        with suppress(FileNotFoundError):  # another import has just finished
            if folder.stat().st_mtime < before:
                remove_folder(folder)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
