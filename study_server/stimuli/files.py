"""Stimuli on the disk: checked against the manifest, stored alike under names that tell nothing."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from study_server.errors import StudyError
from study_server.stimuli.manifest import Row
from study_server.stimuli.png import Pixels, UnfitPicture, decode, encode, read

AGAIN = "run `colorizer batch` or `study manifest` again"
TEMPORARY = ".importing-"
STALE_S = 600  # an import that wrote nothing for so long is no longer running


def load(manifest: Path, row: Row) -> Pixels:
    """The row's pixels; raises StudyError when the file is not what the manifest says."""
    where = f"{manifest}:{row.line}: {row.path.name}"
    try:
        content = read(row.path)
    except OSError as error:
        raise StudyError(f"{where}: not readable ({error.strerror}); {AGAIN}") from error
    except UnfitPicture as error:
        raise StudyError(f"{where} {error}; {AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise StudyError(f"{where} differs from its sha256; {AGAIN}")
    try:
        pixels = decode(content)
    except UnfitPicture as error:
        raise StudyError(f"{where} {error}; write 8-bit RGB PNG") from error
    height, width, _ = pixels.shape
    if (width, height) != (row.width, row.height):
        raise StudyError(
            f"{where} is {width}x{height}, the manifest says {row.width}x{row.height}; {AGAIN}"
        )
    return pixels


def store(pixels: Pixels, folder: Path) -> str:
    """Write one stimulus into `folder` under a random name, which is returned."""
    name = f"{secrets.token_urlsafe(16)}.png"
    try:
        (folder / name).write_bytes(encode(pixels))
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
    folder = stimuli / f"{TEMPORARY}{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    _sweep(stimuli, folder.stat().st_mtime - STALE_S)
    try:
        yield folder
    finally:
        remove(folder)


def _sweep(stimuli: Path, before: float) -> None:
    for folder in stimuli.glob(f"{TEMPORARY}*"):
        with suppress(FileNotFoundError):  # another import has just finished
            if folder.stat().st_mtime < before:
                remove(folder)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
