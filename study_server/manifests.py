"""manifest.csv, what other rooms and other people bring: read, and held against a protocol."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from study_server.errors import StudyError
from study_server.protocol import Protocol
from study_server.words import FOIL, REAL

COLUMNS = ("image", "method", "file", "sha256", "width", "height", "split", "checkpoint")
METHOD = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Row:
    """One line of a manifest, checked; `path` is where its file lies."""

    line: int
    image: str
    method: str
    path: Path
    sha256: str
    width: int
    height: int
    split: str
    checkpoint: str


def read_manifest(path: Path) -> list[Row]:
    """Every row, its columns and words checked; raises StudyError naming line and remedy."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StudyError(
            f"{path}: no such file; `colorizer batch` or `study manifest` writes one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not readable as UTF-8 CSV: {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise StudyError(f"{path}:1: the columns must be {','.join(COLUMNS)}")
    try:
        rows = [_row(path, reader.line_num, record) for record in reader]
    except csv.Error as error:
        raise StudyError(f"{path}:{reader.line_num}: not readable as CSV: {error}") from error
    if not rows:
        raise StudyError(f"{path}: no stimuli in it; `colorizer batch` writes some")
    return rows


def _row(manifest: Path, line: int, record: dict[str, str]) -> Row:
    where = f"{manifest}:{line}"
    if None in record or None in record.values():
        raise StudyError(f"{where}: {len(COLUMNS)} values are wanted; check the commas")
    if not record["image"]:
        raise StudyError(f"{where}: image is empty; name the photograph")
    if not METHOD.fullmatch(record["method"]):
        raise StudyError(f"{where}: method {record['method']!r} must match [a-z0-9_-]{{1,32}}")
    try:
        width, height = int(record["width"]), int(record["height"])
    except ValueError as error:
        raise StudyError(f"{where}: width and height must be whole numbers of pixels") from error
    file = (manifest.parent / record["file"]).resolve()
    if not file.is_relative_to(manifest.parent.resolve()):
        raise StudyError(f"{where}: {record['file']} lies outside the manifest's folder; move it")
    return Row(
        line, record["image"], record["method"], file, record["sha256"], width, height,
        record["split"], record["checkpoint"],
    )  # fmt: skip


def by_image(path: Path, rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """image -> method -> row; raises StudyError where an image has a method twice."""
    images: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.method in images[row.image]:
            raise StudyError(f"{path}:{row.line}: {row.image} has {row.method} twice; remove one")
        images[row.image][row.method] = row
    return dict(images)


def check(path: Path, images: Mapping[str, Mapping[str, Row]], protocol: Protocol) -> None:
    """A study can run on these images, or StudyError says what is missing."""
    wanted = wanted_methods(protocol)
    for image, methods in images.items():
        for method in wanted:
            if method not in methods:
                instead = ", or set vigilance = 0" if method == FOIL else ""
                raise StudyError(
                    f"{path}: {image} has no {method} stimulus; give every photograph one, as "
                    f"`colorizer batch --methods {','.join(wanted)}` does{instead}"
                )
        if len({(row.width, row.height) for row in methods.values()}) > 1:
            raise StudyError(f"{path}: the stimuli of {image} differ in size; make them alike")
    if len(images) < protocol.photographs_needed:
        raise StudyError(
            f"{path}: {len(images)} photographs, but a participant sees "
            f"{protocol.photographs_needed} different ones (practice {protocol.practice} + "
            f"trials {protocol.trials} + vigilance {protocol.vigilance}); add or lower them"
        )


def wanted_methods(protocol: Protocol) -> tuple[str, ...]:
    """What every photograph must have for this protocol."""
    return (REAL, *protocol.methods, *([FOIL] if protocol.vigilance else []))
