"""Read manifest.csv, and select the stimuli that a protocol needs."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from study_server.csv_cells import read_csv
from study_server.errors import StudyError
from study_server.protocol.image_supply import Shortage, find_shortage, most_trials_per_block
from study_server.protocol.model import Protocol, task_of
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD

MANIFEST_COLUMNS = ("image", "method", "file", "sha256", "width", "height", "split", "checkpoint")
CAPTION_COLUMN = "caption"  # optional, after the others
TAG_PATTERN = re.compile(r"tag_[a-z0-9_]+")  # optional columns at the end, for the analysis
METHOD_PATTERN = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True)
class ManifestRow:
    """One checked row of a manifest.

    line: its line number. path: the absolute path of its file.
    """

    line: int
    image: str
    method: str
    path: Path
    sha256: str
    width: int
    height: int
    split: str
    checkpoint: str
    caption: str = ""


RowsByImage = Mapping[str, Mapping[str, ManifestRow]]  # by image and method


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read and check every row; raises StudyError with the line and what to do."""
    if not path.exists():
        raise StudyError(
            f"{path}: no such file; create it with `colorizer batch` or `study manifest`"
        )
    table = read_csv(path)
    untagged = tuple(name for name in table.columns if not TAG_PATTERN.fullmatch(name))
    if untagged not in (MANIFEST_COLUMNS, (*MANIFEST_COLUMNS, CAPTION_COLUMN)):
        raise StudyError(
            f"{path}:1: the columns must be {','.join(MANIFEST_COLUMNS)}, and optionally "
            f"{CAPTION_COLUMN}, and tag_NAME for tags of images"
        )
    rows = [_parse_row(path, line, record) for line, record in table.rows]
    if not rows:
        raise StudyError(f"{path}: no stimuli; create them with `colorizer batch`")
    return rows


def _parse_row(manifest: Path, line: int, record: dict[str, str]) -> ManifestRow:
    location = f"{manifest}:{line}"
    if not record["image"]:
        raise StudyError(f"{location}: image is empty; enter the name of the photograph")
    if not METHOD_PATTERN.fullmatch(record["method"]):
        raise StudyError(f"{location}: method {record['method']!r} must match [a-z0-9_-]{{1,32}}")
    try:
        width, height = int(record["width"]), int(record["height"])
    except ValueError as error:
        raise StudyError(f"{location}: width and height must be whole numbers of pixels") from error
    file = (manifest.parent / record["file"]).resolve()
    if not file.is_relative_to(manifest.parent.resolve()):
        raise StudyError(
            f"{location}: {record['file']} is outside the folder of the manifest; move it inside"
        )
    return ManifestRow(
        line, record["image"], record["method"], file, record["sha256"], width, height,
        record["split"], record["checkpoint"], record.get(CAPTION_COLUMN, ""),
    )  # fmt: skip


def group_by_image(path: Path, rows: Iterable[ManifestRow]) -> dict[str, dict[str, ManifestRow]]:
    """Return the rows by image and method; raises StudyError if an image has a method twice."""
    images: dict[str, dict[str, ManifestRow]] = defaultdict(dict)
    for row in rows:
        if row.method in images[row.image]:
            raise StudyError(
                f"{path}:{row.line}: {row.image} has two {row.method} stimuli; remove one"
            )
        images[row.image][row.method] = row
    return dict(images)


def group_by_method(rows: Iterable[ManifestRow]) -> dict[str, list[str]]:
    """Return the images of each method."""
    images: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        images[row.method].append(row.image)
    return dict(images)


def select_rows(path: Path, images: RowsByImage, protocol: Protocol) -> RowsByImage:
    """Return the rows that the protocol needs; raises StudyError if the study cannot run."""
    methods = required_methods(protocol)
    if protocol.has_complete_images:
        _require_complete(path, images, methods)
    elif protocol.stimuli == "recolored":
        _require_photographs(path, images)
    chosen = {
        image: {method: rows[method] for method in methods if method in rows}
        for image, rows in images.items()
    }
    chosen = {image: rows for image, rows in chosen.items() if rows}
    if protocol.caption:
        _require_captions(path, chosen)
    _require_sizes(path, chosen, protocol)
    _require_enough_images(path, chosen, protocol)
    return chosen


def required_methods(protocol: Protocol) -> tuple[str, ...]:
    """Return the methods whose stimuli a study of this protocol shows."""
    others = [FOIL_METHOD] if protocol.attention_checks else []
    others += [protocol.reference] if protocol.reference else []
    needs_photographs = (
        task_of(protocol).HAS_TRUTH
        or protocol.include_real
        or protocol.attention_checks > 0
        or protocol.stimuli == "recolored"
    )
    named = [*([REAL_METHOD] if needs_photographs else []), *protocol.methods, *others]
    return tuple(dict.fromkeys(named))


def _require_complete(path: Path, images: RowsByImage, methods: Sequence[str]) -> None:
    """Raise StudyError unless every image has a stimulus of every method, as pairs require."""
    for image, rows in images.items():
        for method in methods:
            if method not in rows:
                instead = ", or set attention_checks = 0" if method == FOIL_METHOD else ""
                raise StudyError(
                    f"{path}: {image} has no {method} stimulus; every photograph needs one, for "
                    f"example from `colorizer batch --methods {','.join(methods)}`{instead}"
                )


def _require_captions(path: Path, images: RowsByImage) -> None:
    for image, rows in images.items():
        captions = {row.caption for row in rows.values()}
        if captions == {""}:
            raise StudyError(f"{path}: {image} has no caption; add one, or set caption = false")
        if len(captions) > 1:
            raise StudyError(f"{path}: {image} has different captions; give it one")


def _require_photographs(path: Path, images: RowsByImage) -> None:
    for image, rows in images.items():
        if REAL_METHOD not in rows:
            raise StudyError(
                f"{path}: {image} has no photograph to compare its lightness with; "
                "set stimuli = 'any' in study.toml"
            )


def _require_sizes(path: Path, images: RowsByImage, protocol: Protocol) -> None:
    """Raise StudyError unless stimuli that may be shown together have the same size.

    In a paired study the stimuli of each image are compared, otherwise all stimuli.
    """
    is_paired = protocol.has_complete_images
    first: dict[str, ManifestRow] = {}
    for image, rows in images.items():
        for row in rows.values():
            other = first.setdefault(image if is_paired else "", row)
            if (row.width, row.height) != (other.width, other.height):
                files_text = (
                    f"the stimuli of {image}" if is_paired else f"{image} and {other.image}"
                )
                raise StudyError(
                    f"{path}:{row.line}: {files_text} differ in size; make them the same size"
                )


def _require_enough_images(path: Path, images: RowsByImage, protocol: Protocol) -> None:
    pools: dict[str, list[str]] = defaultdict(list)
    for image, rows in images.items():
        for method in rows:
            pools[method].append(image)
    shortage = find_shortage(protocol, pools)
    if shortage is not None and protocol.staircase:
        raise StudyError(f"{path}: {_describe_staircase_shortage(shortage, protocol, pools)}")
    if shortage is not None:
        kinds = {kind: count for kind, count in protocol.planned_trials.items() if count}
        counts = " + ".join(f"{kind} {count}" for kind, count in kinds.items())
        noun = "photographs" if protocol.paired else f"images by {shortage.method}"
        raise StudyError(
            f"{path}: only {shortage.available} {noun}, but each participant needs "
            f"{shortage.needed} different ones ({counts}); add images, or lower these numbers in "
            "study.toml"
        )


def _describe_staircase_shortage(
    shortage: Shortage, protocol: Protocol, pools: Mapping[str, Sequence[str]]
) -> str:
    """Return what the images of a staircase allow; no image appears twice in a block."""
    blocks = protocol.staircase.blocks if protocol.staircase else 0
    trials = most_trials_per_block(protocol, pools)
    besides = (
        f", besides {protocol.qualification} for qualification" if protocol.qualification else ""
    )
    remedy = (
        f"these images allow {blocks} blocks of {trials} trials{besides}: add images, or set "
        f"trials_per_block = {trials} and trials = {blocks * trials}"
        if trials
        else "these images allow no block: add images"
    )
    return (
        f"only {shortage.available} images by {shortage.method}, but {protocol.trials_per_block} "
        f"trials per block need {shortage.needed}; {remedy}"
    )
