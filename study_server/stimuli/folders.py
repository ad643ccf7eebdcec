"""Folders of anybody's images -> manifest.csv: a method a folder, whatever made the images."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.stimuli.manifest import MANIFEST_COLUMNS, METHOD_PATTERN, ManifestRow
from study_server.stimuli.png import InvalidPngError, read_png_file, read_png_size
from study_server.vocabulary import REAL_METHOD

TrackProgress = Callable[[Iterable[Any], int], Iterable[Any]]
MAX_FILES_NAMED = 5  # files that a message names; of the others it gives the number


def write_manifest(
    out: Path,
    folders: Mapping[str, Path],
    paired: bool = True,
    track: TrackProgress = lambda files, total: files,
) -> int:
    """Describe the PNG files of each method's folder in `out`; returns how many they are.

    paired: equal names below the folders are one photograph; else every file is one of its own.
    track: wraps the files that are read one by one, for a progress bar.
    Raises StudyError naming what is missing, unfit, or of another size.
    """
    if REAL_METHOD not in folders:
        raise StudyError("photographs are missing among the methods; add --method real=FOLDER")
    files = {method: _find_images(method, folder) for method, folder in folders.items()}
    if paired:
        _require_complete(files)
    _require_inside(out, files.values())
    entries = [
        (image if paired else f"{method}/{image}", method, path)
        for method, files_by_image in files.items()
        for image, path in files_by_image.items()
    ]
    rows = [_manifest_row(*each) for each in track(entries, len(entries))]
    _require_sizes(rows, paired)
    _write(out, sorted(rows, key=lambda row: row.image))
    return len(rows)


def _find_images(method: str, folder: Path) -> dict[str, Path]:
    """image -> file, by the names below the folder without suffix"""
    if not METHOD_PATTERN.fullmatch(method):
        raise StudyError(f"--method {method}: a name must match [a-z0-9_-]{{1,32}}")
    if not folder.is_dir():
        raise StudyError(f"--method {method}={folder}: no such folder")
    files_by_image: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".png" and path.is_file():
            image = path.relative_to(folder).with_suffix("").as_posix()
            if image in files_by_image or not image.isprintable():
                raise StudyError(f"{str(path)!r}: nobody can tell its name from others; rename it")
            files_by_image[image] = path.resolve()
    if not files_by_image:
        raise StudyError(f"{folder}: no PNG files in it; write 8-bit RGB PNG")
    return files_by_image


def _require_complete(files: Mapping[str, Mapping[str, Path]]) -> None:
    everything = set().union(*files.values())
    lacking = {
        method: sorted(everything - set(files_by_image)) for method, files_by_image in files.items()
    }
    missing = [
        f"{method} has no {_format_names(images)}" for method, images in lacking.items() if images
    ]
    if missing:
        raise StudyError(
            f"{'; '.join(missing)}; give every photograph one of each, or say --unpaired"
        )


def _format_names(images: Sequence[str]) -> str:
    more = len(images) - MAX_FILES_NAMED
    return ", ".join(images[:MAX_FILES_NAMED]) + (f" and {more} more" if more > 0 else "")


def _require_inside(out: Path, files: Iterable[Mapping[str, Path]]) -> None:
    manifest_folder, paths = (
        out.parent.resolve(),
        [path for files_by_image in files for path in files_by_image.values()],
    )
    if not all(path.is_relative_to(manifest_folder) for path in paths):
        above = Path(os.path.commonpath([path.parent for path in paths]), out.name)
        raise StudyError(f"{out}: a manifest lies above its files; give --out {above}")


def _manifest_row(image: str, method: str, path: Path) -> ManifestRow:
    try:
        content = read_png_file(path)
        width, height = read_png_size(content)
    except InvalidPngError as error:
        raise StudyError(f"{path} {error}; write 8-bit RGB PNG") from error
    sha256 = hashlib.sha256(content).hexdigest()
    return ManifestRow(0, image, method, path, sha256, width, height, split="test", checkpoint="")


def _require_sizes(rows: Iterable[ManifestRow], paired: bool) -> None:
    """Of a photograph's files; where any may meet any, of all."""
    first: dict[str, ManifestRow] = {}
    for row in rows:
        other = first.setdefault(row.image if paired else "", row)
        if (row.width, row.height) != (other.width, other.height):
            raise StudyError(
                f"{row.path} is {row.width}x{row.height}, {other.path} {other.width}x"
                f"{other.height}; make them alike, or people know which is which"
            )


def _write(out: Path, rows: Iterable[ManifestRow]) -> None:
    home = out.parent.resolve()
    with atomic_write(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MANIFEST_COLUMNS)
        for row in rows:
            values = vars(row) | {"file": row.path.relative_to(home).as_posix()}
            writer.writerow(values[column] for column in MANIFEST_COLUMNS)
