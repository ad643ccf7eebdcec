"""Write manifest.csv for folders of images from any generator, one folder per method."""

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.stimuli.images import (
    IMAGE_SUFFIXES,
    SAVE_REMEDY,
    ImageFacts,
    InvalidImageError,
    count_conversions,
    inspect_image,
    read_image_file,
)
from study_server.stimuli.manifest import MANIFEST_COLUMNS, METHOD_PATTERN, ManifestRow
from study_server.vocabulary import REAL_METHOD

TrackProgress = Callable[[Iterable[Any], int], Iterable[Any]]


def track_nothing(items: Iterable[Any], _total: int) -> Iterable[Any]:
    """Return the items: nobody watches the progress."""
    return items


MAX_FILES_NAMED = 5  # in a message; the others are counted


class ManifestSummary(NamedTuple):
    """The number of files in a manifest, and how the import will convert them, by kind."""

    stimulus_count: int
    conversions: Counter[str]


def write_manifest(
    out: Path,
    folders: Mapping[str, Path],
    *,
    paired: bool = True,
    track: TrackProgress = track_nothing,
) -> ManifestSummary:
    """Write a manifest of the images in each method's folder.

    paired: whether files with the same name belong to one photograph; otherwise every file has its
    own source image. track: wraps the files while they are read, for a progress bar.
    Raises StudyError that names files which are missing, invalid or of a different size.
    """
    if REAL_METHOD not in folders:
        raise StudyError("no photographs given; add --method real=FOLDER")
    files = {method: find_images(method, folder) for method, folder in folders.items()}
    if paired:
        _require_complete(files)
    _require_inside(out, files.values())
    entries = [
        (image if paired else f"{method}/{image}", method, path)
        for method, files_by_image in files.items()
        for image, path in files_by_image.items()
    ]
    rows, facts = [], []
    for image, method, path in track(entries, len(entries)):
        content, file_facts = _inspect_file(path)
        facts.append(file_facts)
        rows.append(_manifest_row(image, method, path, content, file_facts))
    _require_sizes(rows, paired)
    _write(out, sorted(rows, key=lambda row: row.image))
    return ManifestSummary(len(rows), count_conversions(facts))


def count_other_files(folder: Path) -> Counter[str]:
    """Count, by suffix, the visible files below a folder that are no images of a known kind."""
    return Counter(
        path.suffix.lower()
        for path in _visible_files(folder)
        if path.suffix.lower() not in IMAGE_SUFFIXES
    )


def describe_other_files(kinds: Counter[str]) -> str:
    """Return the counts as text: `12 files of other kinds: 9 .heic, 3 .jxl`."""
    total = kinds.total()
    listed = ", ".join(
        f"{count} {suffix or 'without a suffix'}"
        for suffix, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"{total} {'file' if total == 1 else 'files'} of other kinds: {listed}"


def _visible_files(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without hidden ones. Linked folders are followed.

    A link to a folder that contains it is not followed again.
    """
    return sorted(_walk(folder, frozenset()))


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    here = folder.resolve()
    if here in above:
        return
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _walk(path, above | {here})
        elif path.is_file():
            yield path


def find_images(method: str, folder: Path) -> dict[str, Path]:
    """Return the file of each image; its name is the path below the folder without the suffix."""
    if not METHOD_PATTERN.fullmatch(method):
        raise StudyError(f"--method {method}: the name must match [a-z0-9_-]{{1,32}}")
    if not folder.is_dir():
        raise StudyError(f"--method {method}={folder}: no such folder")
    files_by_image: dict[str, Path] = {}
    for path in _visible_files(folder):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            image = path.relative_to(folder).with_suffix("").as_posix()
            if image in files_by_image or not image.isprintable():
                raise StudyError(
                    f"{str(path)!r}: its name is not unique or not printable; rename it"
                )
            files_by_image[image] = path.resolve()
    if not files_by_image:
        kinds = count_other_files(folder)
        others = f", but {describe_other_files(kinds)}" if kinds else ""
        raise StudyError(f"{folder}: no PNG, JPEG or WebP files{others}; save the images as PNG")
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
            f"{'; '.join(missing)}; every photograph needs one image per method, or the study must "
            "be unpaired (--unpaired, and paired = false in study.toml)"
        )


def _format_names(images: Sequence[str]) -> str:
    more = len(images) - MAX_FILES_NAMED
    return ", ".join(images[:MAX_FILES_NAMED]) + (f" and {more} more" if more > 0 else "")


def _require_inside(out: Path, files: Iterable[Mapping[str, Path]]) -> None:
    manifest_folder, paths = (
        out.parent.resolve(),
        [path for files_by_image in files for path in files_by_image.values()],
    )
    outside = [path for path in paths if not path.is_relative_to(manifest_folder)]
    if outside:
        above = Path(os.path.commonpath([path.parent for path in paths]), out.name)
        remedy = "copy the images" if above.parent == Path(above.anchor) else f"use --out {above}"
        raise StudyError(
            f"{out}: the manifest must be in a folder above its files, where links lead; "
            f"{outside[0]} is not below {manifest_folder}; {remedy}"
        )


def _inspect_file(path: Path) -> tuple[bytes, ImageFacts]:
    try:
        content = read_image_file(path)
        return content, inspect_image(content)
    except InvalidImageError as error:
        raise StudyError(f"{path} {error}; {SAVE_REMEDY}") from error


def _manifest_row(
    image: str, method: str, path: Path, content: bytes, facts: ImageFacts
) -> ManifestRow:
    return ManifestRow(
        line=0,
        image=image,
        method=method,
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        width=facts.width,
        height=facts.height,
        split="test",
        checkpoint="",
    )


def _require_sizes(rows: Iterable[ManifestRow], paired: bool) -> None:
    """Raise StudyError unless files that may be shown together have the same size.

    paired: compare the files of each image; otherwise compare all files.
    """
    first: dict[str, ManifestRow] = {}
    for row in rows:
        other = first.setdefault(row.image if paired else "", row)
        if (row.width, row.height) != (other.width, other.height):
            raise StudyError(
                f"{row.path} is {row.width}x{row.height}, but {other.path} is {other.width}x"
                f"{other.height}; make them the same size, or participants can tell them apart"
            )


def _write(out: Path, rows: Iterable[ManifestRow]) -> None:
    folder = out.parent.resolve()
    with atomic_write(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MANIFEST_COLUMNS)
        for row in rows:
            values = vars(row) | {"file": row.path.relative_to(folder).as_posix()}
            writer.writerow(values[column] for column in MANIFEST_COLUMNS)
