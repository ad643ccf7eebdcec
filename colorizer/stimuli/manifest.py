"""Write manifest.csv, the list of stimuli for the study server, with several shards if needed.

Each shard writes its rows to its own part, and the last shard to finish joins the parts.
The manifest exists only when all stimuli that it lists exist.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from colorizer.errors import ColorizerError
from colorizer.object_storage import publish

MANIFEST_FILE = "manifest.csv"
PARTS_FOLDER = "manifest.parts"  # of --engine ray; no method can have this name

T = TypeVar("T")


@dataclass(frozen=True)
class ManifestRow:
    """A row of manifest.csv."""

    image: str
    method: str
    file: str
    sha256: str
    width: int
    height: int
    split: str
    checkpoint: str


class Shard(NamedTuple):
    """The part of the work of one process: number `number` of `total`, from 1."""

    number: int = 1
    total: int = 1

    def select(self, items: Sequence[T]) -> Sequence[T]:
        """Return every `total`-th item: each item is in one shard, and shards are balanced."""
        return items[self.number - 1 :: self.total]


SINGLE_SHARD = Shard()


def clear_manifest(out: Path, shard: Shard) -> None:
    """Delete the manifest and the shard's part, because the stimuli are about to change.

    Raises ColorizerError if the stimuli in the folder were made with Ray.
    """
    if (out / PARTS_FOLDER).exists():
        raise ColorizerError(
            f"--out {out}: contains stimuli that were made with --engine ray; use that again, or "
            "another folder"
        )
    (out / MANIFEST_FILE).unlink(missing_ok=True)
    _part_path(out, shard).unlink(missing_ok=True)


def write_manifest(out: Path, rows: Sequence[ManifestRow], shard: Shard) -> Path:
    """Write this shard's rows, and manifest.csv if all other shards have written theirs.

    Returns the path of the file that was written last.
    """
    part = _part_path(out, shard)
    _write_sorted(part, [asdict(stimulus) for stimulus in rows])
    parts = [_part_path(out, Shard(number, shard.total)) for number in range(1, shard.total + 1)]
    if shard == SINGLE_SHARD or not all(path.exists() for path in parts):
        return part
    _write_sorted(out / MANIFEST_FILE, [row for path in parts for row in _read(path)])
    return out / MANIFEST_FILE


def write_manifest_rows(place: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows, which are sorted by image, to a path or URL; other columns are left out."""
    columns = [field.name for field in fields(ManifestRow)]
    with publish(place) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _part_path(out: Path, shard: Shard) -> Path:
    if shard == SINGLE_SHARD:
        return out / MANIFEST_FILE
    return out / f"manifest-{shard.number}-of-{shard.total}.csv"


def _write_sorted(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows sorted by image, so that they do not depend on the shards."""
    write_manifest_rows(str(path), sorted(rows, key=lambda row: str(row["image"])))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
