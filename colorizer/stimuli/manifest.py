"""manifest.csv, the contract with the study server: a row a stimulus, and how shards share it.

Each shard writes its rows to a part of its own, and whichever ends last joins the parts. A
manifest is there only when everything that it lists is.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from colorizer.files import atomic_write

T = TypeVar("T")


@dataclass(frozen=True)
class Stimulus:
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
    """Which part of the work is this process's: number 1 to `of`."""

    number: int = 1
    of: int = 1

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Every `of`-th item: the shards have each item once, and about the same work."""
        return items[self.number - 1 :: self.of]


WHOLE = Shard()


def begin_manifest(out: Path, shard: Shard) -> None:
    """Take away what an earlier batch said, since its stimuli are about to change."""
    (out / "manifest.csv").unlink(missing_ok=True)
    _part(out, shard).unlink(missing_ok=True)


def finish_manifest(out: Path, stimuli: Sequence[Stimulus], shard: Shard) -> Path:
    """Write this shard's rows, and manifest.csv where the other shards have written theirs.

    Returns the file that was written last.
    """
    part = _part(out, shard)
    _write(part, [asdict(stimulus) for stimulus in stimuli])
    parts = [_part(out, Shard(number, shard.of)) for number in range(1, shard.of + 1)]
    if shard == WHOLE or not all(path.exists() for path in parts):
        return part
    _write(out / "manifest.csv", [row for path in parts for row in _read(path)])
    return out / "manifest.csv"


def _part(out: Path, shard: Shard) -> Path:
    if shard == WHOLE:
        return out / "manifest.csv"
    return out / f"manifest-{shard.number}-of-{shard.of}.csv"


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Whole or not at all, in the order of the images, whoever made them."""
    columns = [field.name for field in fields(Stimulus)]
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: str(row["image"])))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
