"""Folders of anybody's images -> manifest.csv: a method a folder, whatever made the images."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.stimuli.manifest import COLUMNS, METHOD, Row
from study_server.stimuli.png import UnfitPicture, read, read_size
from study_server.vocabulary import REAL

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
NAMED = 5  # files that a message names; of the others it gives the number


def write_manifest(
    out: Path,
    folders: Mapping[str, Path],
    paired: bool = True,
    progress: Progress = lambda files, total: files,
) -> int:
    """Describe the PNG files of each method's folder in `out`; returns how many they are.

    paired: equal names below the folders are one photograph; else every file is one of its own.
    progress: wraps the files that are read one by one, for a progress bar.
    Raises StudyError naming what is missing, unfit, or of another size.
    """
    if REAL not in folders:
        raise StudyError("photographs are missing among the methods; add --method real=FOLDER")
    files = {method: _find(method, folder) for method, folder in folders.items()}
    if paired:
        _require_all(files)
    _require_inside(out, files.values())
    named = [
        (image if paired else f"{method}/{image}", method, path)
        for method, found in files.items()
        for image, path in found.items()
    ]
    rows = [_describe(*each) for each in progress(named, len(named))]
    _require_sizes(rows, paired)
    _write(out, sorted(rows, key=lambda row: row.image))
    return len(rows)


def _find(method: str, folder: Path) -> dict[str, Path]:
    """image -> file, by the names below the folder without suffix"""
    if not METHOD.fullmatch(method):
        raise StudyError(f"--method {method}: a name must match [a-z0-9_-]{{1,32}}")
    if not folder.is_dir():
        raise StudyError(f"--method {method}={folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".png" and path.is_file():
            image = path.relative_to(folder).with_suffix("").as_posix()
            if image in found or not image.isprintable():
                raise StudyError(f"{str(path)!r}: nobody can tell its name from others; rename it")
            found[image] = path.resolve()
    if not found:
        raise StudyError(f"{folder}: no PNG files in it; write 8-bit RGB PNG")
    return found


def _require_all(files: Mapping[str, Mapping[str, Path]]) -> None:
    everything = set().union(*files.values())
    lacking = {method: sorted(everything - set(found)) for method, found in files.items()}
    missing = [
        f"{method} has no {_name_some(images)}" for method, images in lacking.items() if images
    ]
    if missing:
        raise StudyError(
            f"{'; '.join(missing)}; give every photograph one of each, or say --unpaired"
        )


def _name_some(images: Sequence[str]) -> str:
    more = len(images) - NAMED
    return ", ".join(images[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _require_inside(out: Path, files: Iterable[Mapping[str, Path]]) -> None:
    home, paths = out.parent.resolve(), [path for found in files for path in found.values()]
    if not all(path.is_relative_to(home) for path in paths):
        above = Path(os.path.commonpath([path.parent for path in paths]), out.name)
        raise StudyError(f"{out}: a manifest lies above its files; give --out {above}")


def _describe(image: str, method: str, path: Path) -> Row:
    try:
        content = read(path)
        width, height = read_size(content)
    except UnfitPicture as error:
        raise StudyError(f"{path} {error}; write 8-bit RGB PNG") from error
    sha256 = hashlib.sha256(content).hexdigest()
    return Row(0, image, method, path, sha256, width, height, split="test", checkpoint="")


def _require_sizes(rows: Iterable[Row], paired: bool) -> None:
    """Of a photograph's files; where any may meet any, of all."""
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(row.image if paired else "", row)
        if (row.width, row.height) != (other.width, other.height):
            raise StudyError(
                f"{row.path} is {row.width}x{row.height}, {other.path} {other.width}x"
                f"{other.height}; make them alike, or people know which is which"
            )


def _write(out: Path, rows: Iterable[Row]) -> None:
    home = out.parent.resolve()
    with atomic_write(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            values = vars(row) | {"file": row.path.relative_to(home).as_posix()}
            writer.writerow(values[column] for column in COLUMNS)
