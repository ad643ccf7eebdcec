"""Write manifest.csv, the list of stimuli for the study server, with several shards if needed.

Each shard writes its rows to its own part, and the last shard to finish joins the parts.
The manifest exists only when all stimuli that it lists exist.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from colorizer.files import atomic_write

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
    """Delete the manifest and the shard's part, because the stimuli are about to change."""
    (out / "manifest.csv").unlink(missing_ok=True)
    _part_path(out, shard).unlink(missing_ok=True)


def write_manifest(out: Path, rows: Sequence[ManifestRow], shard: Shard) -> Path:
    """Write this shard's rows, and manifest.csv if all other shards have written theirs.

    Returns the path of the file that was written last.
    """
    part = _part_path(out, shard)
    _write(part, [asdict(stimulus) for stimulus in rows])
    parts = [_part_path(out, Shard(number, shard.total)) for number in range(1, shard.total + 1)]
    if shard == SINGLE_SHARD or not all(path.exists() for path in parts):
        return part
    _write(out / "manifest.csv", [row for path in parts for row in _read(path)])
    return out / "manifest.csv"


def _part_path(out: Path, shard: Shard) -> Path:
    if shard == SINGLE_SHARD:
        return out / "manifest.csv"
    return out / f"manifest-{shard.number}-of-{shard.total}.csv"


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the rows atomically, sorted by image so that they do not depend on the shards."""
    columns = [field.name for field in fields(ManifestRow)]
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: str(row["image"])))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
