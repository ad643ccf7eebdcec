"""Reproducible membership: which photograph trains, which validates, which people are shown."""

import csv
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.photos.duplicates import find_similar_hashes, merge_duplicate_groups, perceptual_hash
from colorizer.photos.reading import (
    UnreadablePhotographError,
    find_photographs,
    is_gray,
    read_squares,
)

SPLITS = ("train", "val", "test")
INSPECTION_PX = 256  # px: grayness is judged on the square that training and stimuli show


@dataclass(frozen=True)
class Photograph:
    """A row of split.csv. Images of one group stay on one side."""

    root: str  # absolute folder
    image: str  # path below the root without its suffix
    file: str  # path below the root
    split: str  # train, val or test; empty for a gray photograph
    gray: bool
    group: str
    phash: str = ""  # 16 hex digits; empty where unknown, or gray: compared with no other

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.root, self.file)


SPLIT_COLUMNS = [field.name for field in fields(Photograph)]
UNWRITABLE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")  # control characters, stray bytes, line separators
REPORT_COUNTS = {"val": 8400, "test": 1600}  # of REPORT_TOTAL (the source report's table 1)
REPORT_TOTAL = 200_000


def read_split(path: Path) -> list[Photograph]:
    """Raises ColorizerError where the file is absent, has other columns, or contradicts itself."""
    if not path.exists():
        raise ColorizerError(f"{path}: no split yet; run `colorizer split PHOTOS` first")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            # by hand: without phash
            if reader.fieldnames not in (SPLIT_COLUMNS, SPLIT_COLUMNS[:-1]):
                raise ColorizerError(f"{path}: the columns must be {','.join(SPLIT_COLUMNS)}")
            columns = len(reader.fieldnames)
            rows = [_parse(row, columns, f"{path}:{reader.line_num}") for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ColorizerError(f"{path}: not a CSV in UTF-8 ({error})") from error
    _check(rows, path)
    return rows


def write_split(path: Path, rows: Sequence[Photograph]) -> None:
    """Store the rows, whole or not at all."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SPLIT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(row), "gray": int(row.gray)} for row in rows)


def select_split(rows: Sequence[Photograph], split: str) -> list[Photograph]:
    """The rows of one split; raises ColorizerError where it is empty."""
    chosen = [row for row in rows if row.split == split]
    if not chosen:
        raise ColorizerError(f"no photograph is in the {split} split; see `colorizer split --help`")
    return chosen


def find_new_files(
    folder: Path, recorded_rows: Sequence[Photograph]
) -> tuple[list[Path], dict[str, str]]:
    """Photographs below a folder that are not known yet, and why others are refused, by name.

    Raises ColorizerError where the folder holds no photograph.
    """
    files = find_photographs(folder)
    if not files:
        raise ColorizerError(f"{folder}: no photographs in this folder; give one that has some")
    ids = Counter(image_id(folder, path) for path in files)
    recorded_paths = {row.image: row.path for row in recorded_rows}
    new_paths, refused = [], {}
    for path in files:
        image = image_id(folder, path)
        if recorded_paths.get(image) == path:
            continue
        name = str(path.relative_to(folder))
        if any(unicodedata.category(character) in UNWRITABLE_CATEGORIES for character in image):
            refused[name] = "its name has line breaks or bytes that are not text; rename it"
        elif image in recorded_paths:
            refused[name] = f"{recorded_paths[image]} already has the id {image}; rename one"
        elif ids[image] > 1:
            refused[name] = f"{ids[image]} files have the id {image}; rename them"
        else:
            new_paths.append(path)
    return new_paths, refused


def inspect_files(folder: Path, files: Sequence[Path]) -> Iterator[Photograph | tuple[str, str]]:
    """For each file its row, not yet on a side, or (name, reason) where it cannot be read."""
    for path, square in read_squares(files, INSPECTION_PX):
        file = path.relative_to(folder).as_posix()
        if isinstance(square, UnreadablePhotographError):
            yield file, str(square)
        else:
            image, gray = image_id(folder, path), is_gray(square)
            phash = "" if gray else perceptual_hash(square)
            yield Photograph(str(folder), image, file, "", gray, group=image, phash=phash)


def assign_splits(
    new_rows: Sequence[Photograph],
    recorded_rows: Sequence[Photograph],
    val: float,
    test: float,
    seed: int,
) -> list[Photograph]:
    """Known rows unchanged, then the fresh ones with their group and split.

    Near-duplicates get one group, and a group one side: the one it is on, if it is on one.
    val, test: of the first split, a count from 1 on, a fraction below. Later photographs go by
    the hash of their group at the shares that the known rows have.
    Raises ColorizerError where nothing would be left to train on.
    """
    new_rows = _group_duplicates(new_rows, recorded_rows)
    sizes = Counter(row.group for row in new_rows if not row.gray)
    groups = sorted(sizes, key=lambda group: _hash_position(seed, group))
    known_splits = {row.group: row.split for row in recorded_rows if not row.gray}
    if known_splits:
        counts = Counter(row.split for row in recorded_rows if not row.gray)
        shares = [counts[split] / counts.total() for split in ("test", "val")]
        splits = {group: _assign_by_hash(_hash_position(seed, group), *shares) for group in groups}
    else:
        splits = _assign_by_rank({group: sizes[group] for group in groups}, val, test)
    splits.update(known_splits)
    return [
        *recorded_rows,
        *(row if row.gray else replace(row, split=splits[row.group]) for row in new_rows),
    ]


def scale_report_count(split: str, photographs: int) -> int:
    """How many of them the source report's table 1 would give a split; at most its own number."""
    return max(
        1, min(REPORT_COUNTS[split], round(REPORT_COUNTS[split] / REPORT_TOTAL * photographs))
    )


def image_id(folder: Path, path: Path) -> str:
    """The photograph's id: its path below the folder without its suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _group_duplicates(
    new_rows: Sequence[Photograph], recorded_rows: Sequence[Photograph]
) -> list[Photograph]:
    """The fresh rows in the groups of their near-duplicates; known rows stay where they are."""
    hashed = [row for row in (*recorded_rows, *new_rows) if row.phash]
    pairs = find_similar_hashes([row.phash for row in hashed])
    placed = {row.group for row in recorded_rows if not row.gray}
    joined = merge_duplicate_groups([row.group for row in hashed], pairs, placed)
    groups = {row.image: group for row, group in zip(hashed, joined, strict=True)}
    return [replace(row, group=groups.get(row.image, row.group)) for row in new_rows]


def _assign_by_rank(sizes: Mapping[str, int], val: float, test: float) -> dict[str, str]:
    """sizes: photographs of each group, in the order in which groups are taken"""
    total = sum(sizes.values())
    tests, vals = _resolve_amount(test, total), _resolve_amount(val, total)
    tested = _take(sizes, tests)
    validated = _take({group: sizes[group] for group in sizes if group not in tested}, vals)
    if len(tested) + len(validated) == len(sizes):
        raise ColorizerError(
            f"--test {test:g} and --val {val:g} take {tests + vals} of {total} color "
            "photographs and leave none to train on; give smaller counts, or fractions as 0.2"
        )
    sides = dict.fromkeys(sizes, "train")
    return sides | dict.fromkeys(tested, "test") | dict.fromkeys(validated, "val")


def _take(sizes: Mapping[str, int], count: int) -> set[str]:
    """Groups in order while they fit: exactly `count` photographs where there are single ones.

    The first is taken even if it is larger, so that no side that was asked for is empty.
    """
    chosen_groups: set[str] = set()
    for group, size in sizes.items():
        if size <= count or (count > 0 and not chosen_groups):
            chosen_groups.add(group)
            count -= size
    return chosen_groups


def _assign_by_hash(position: float, test: float, val: float) -> str:
    if position < test:
        return "test"
    return "val" if position < test + val else "train"


def _resolve_amount(amount: float, of: int) -> int:
    if amount >= 1:
        return int(amount)
    return max(1, round(amount * of)) if amount else 0


def _hash_position(seed: int, group: str) -> float:
    """In [0, 1), the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:8]) / 2**64


def _parse(row: dict[str, str], columns: int, location: str) -> Photograph:
    if None in row or None in row.values():
        raise ColorizerError(f"{location}: needs exactly {columns} fields")
    if row["gray"] not in ("0", "1"):
        raise ColorizerError(f"{location}: gray is {row['gray']!r}; it must be 0 or 1")
    gray = row["gray"] == "1"
    if row["split"] not in (("",) if gray else SPLITS):
        expected = "empty for a gray photograph" if gray else "train, val or test"
        raise ColorizerError(f"{location}: split is {row['split']!r}; it must be {expected}")
    if not re.fullmatch("([0-9a-f]{16})?", row.get("phash", "")):
        raise ColorizerError(
            f"{location}: phash is {row['phash']!r}; it must be 16 hex digits, or empty"
        )
    values: dict[str, Any] = {**row, "gray": gray}
    return Photograph(**values)


def _check(rows: Sequence[Photograph], path: Path) -> None:
    images = Counter(row.image for row in rows)
    twice = [image for image, count in images.items() if count > 1]
    if twice:
        raise ColorizerError(f"{path}: the id {twice[0]} stands there {images[twice[0]]} times")
    sides: dict[str, str] = {}
    for row in rows:
        if not row.gray and sides.setdefault(row.group, row.split) != row.split:
            raise ColorizerError(
                f"{path}: the group {row.group} is in {sides[row.group]} and in {row.split}; "
                "images of one group must be on one side"
            )


SPLIT_FILE = Path("data/split.csv")  # the defaults of every command, in the working folder
