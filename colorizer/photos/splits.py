"""Assign photographs to the training, validation and test splits, reproducibly; split.csv."""

import csv
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.files import atomic_write
from colorizer.photos.duplicates import find_similar_hashes, merge_duplicate_groups, perceptual_hash
from colorizer.photos.folders import find_photographs, no_photographs_error
from colorizer.photos.gray import is_gray, is_one_hue
from colorizer.photos.reading import read_squares

SPLITS = ("train", "val", "test")
# Photographs are checked for grayness at the size of the square that training and stimuli use.
INSPECTION_PX = 256


@dataclass(frozen=True)
class Photograph:
    """A row of split.csv. All images of a group are in the same split."""

    root: str  # absolute path of the folder
    image: str  # path relative to the root, without the suffix
    file: str  # path relative to the root
    split: str  # train, val or test; empty for a gray photograph
    gray: bool  # also True for a photograph with a single hue
    group: str
    phash: str = ""  # 16 hex digits; empty for gray photographs, or if unknown: never compared

    @property
    def path(self) -> Path:
        """The path of the file."""
        return Path(self.root, self.file)


class InspectedPhotograph(NamedTuple):
    """A new row of split.csv, and if it is counted as gray because it has a single hue."""

    row: Photograph
    one_hue: bool


SPLIT_COLUMNS = [field.name for field in fields(Photograph)]
# Unicode categories that file names must not contain: control characters, undecodable bytes and
# line separators.
UNWRITABLE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
# Photographs in the source report (table 1), out of REPORT_TOTAL.
REPORT_COUNTS = {"val": 8400, "test": 1600}
REPORT_TOTAL = 200_000


def read_split(path: Path) -> list[Photograph]:
    """Read split.csv.

    Raises ColorizerError if the file is missing, has other columns or contradicts itself.
    """
    if not path.exists():
        raise ColorizerError(f"{path}: no split yet; run `colorizer split PHOTOS` first")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            # Files written by hand may omit the column phash.
            if reader.fieldnames not in (SPLIT_COLUMNS, SPLIT_COLUMNS[:-1]):
                columns_text = ",".join(SPLIT_COLUMNS)
                raise ColorizerError(
                    f"{path}: the columns must be {columns_text}, separated by commas (a "
                    "spreadsheet may have saved semicolons)"
                )
            columns = len(reader.fieldnames)
            rows = [_parse(row, columns, f"{path}:{reader.line_num}") for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ColorizerError(f"{path}: not a UTF-8 CSV file ({error})") from error
    _check(rows, path)
    return rows


def write_split(path: Path, rows: Sequence[Photograph]) -> None:
    """Write the rows to split.csv atomically."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SPLIT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(row), "gray": int(row.gray)} for row in rows)


def select_split(rows: Sequence[Photograph], split: str) -> list[Photograph]:
    """Return the rows of one split; raises ColorizerError if it is empty."""
    chosen = [row for row in rows if row.split == split]
    if not chosen:
        raise ColorizerError(f"the {split} split is empty; see `colorizer split --help`")
    return chosen


def find_new_files(
    folder: Path, recorded_rows: Sequence[Photograph]
) -> tuple[list[Path], dict[str, str]]:
    """Find the photographs below a folder that have no recorded row yet.

    Also returns the files that are refused because of their names, with the reasons.
    Raises ColorizerError if the folder contains no photographs.
    """
    files = find_photographs(folder)
    if not files:
        raise no_photographs_error(folder)
    ids = Counter(image_id(folder, path) for path in files)
    recorded_paths = {row.image: row.path for row in recorded_rows}
    new_paths, refused = [], {}
    for path in files:
        image = image_id(folder, path)
        if recorded_paths.get(image) == path:
            continue
        name = str(path.relative_to(folder))
        problem = describe_name_problem(image, ids[image])
        if image in recorded_paths:
            problem = f"{recorded_paths[image]} already has the ID {image}; rename one of them"
        if problem is None:
            new_paths.append(path)
        else:
            refused[name] = problem
    return new_paths, refused


def describe_name_problem(image: str, files: int) -> str | None:
    """Return why an ID cannot be used, or None; files: the number of files that have it."""
    if any(unicodedata.category(character) in UNWRITABLE_CATEGORIES for character in image):
        return "the name contains line breaks or invalid characters; rename the file"
    return f"{files} files have the ID {image}; rename them" if files > 1 else None


def inspect_files(
    folder: Path, files: Sequence[Path]
) -> Iterator[InspectedPhotograph | tuple[str, str]]:
    """Yield the row of each file, without a split, or (name, reason) if it cannot be read."""
    for path, square in read_squares(files, INSPECTION_PX):
        file = path.relative_to(folder).as_posix()
        if isinstance(square, UnreadablePhotographError):
            yield file, str(square)
        else:
            one_hue = not is_gray(square) and is_one_hue(square)
            image, gray = image_id(folder, path), one_hue or is_gray(square)
            phash = "" if gray else perceptual_hash(square)
            row = Photograph(str(folder), image, file, "", gray, group=image, phash=phash)
            yield InspectedPhotograph(row, one_hue)


def assign_splits(
    new_rows: Sequence[Photograph],
    recorded_rows: Sequence[Photograph],
    val: float,
    test: float,
    seed: int,
) -> list[Photograph]:
    """Return the recorded rows, unchanged, then the new rows with their groups and splits.

    Near-duplicates form one group, and a group is in one split: if it has a recorded row, in that
    row's split. val, test: for the first photographs, a count (1 or more) or a fraction (below 1).
    Later photographs are assigned by the hash of their group, in the proportions of the recorded
    rows. Raises ColorizerError if no photograph would be left for training.
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
    """Scale a split's size in the source report (table 1) to this number of photographs.

    At least 1, and at most the size in the report.
    """
    return max(
        1, min(REPORT_COUNTS[split], round(REPORT_COUNTS[split] / REPORT_TOTAL * photographs))
    )


def image_id(folder: Path, path: Path) -> str:
    """Return a photograph's ID: its path relative to the folder, without the suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _group_duplicates(
    new_rows: Sequence[Photograph], recorded_rows: Sequence[Photograph]
) -> list[Photograph]:
    """Return the new rows with the groups of their near-duplicates; recorded rows keep theirs."""
    hashed = [row for row in (*recorded_rows, *new_rows) if row.phash]
    pairs = find_similar_hashes([row.phash for row in hashed])
    assigned = {row.group for row in recorded_rows if not row.gray}
    merged = merge_duplicate_groups([row.group for row in hashed], pairs, assigned)
    groups = {row.image: group for row, group in zip(hashed, merged, strict=True)}
    return [replace(row, group=groups.get(row.image, row.group)) for row in new_rows]


def _assign_by_rank(sizes: Mapping[str, int], val: float, test: float) -> dict[str, str]:
    """Assign the groups to splits in their order: first to test, then to val, the rest to train.

    sizes: number of photographs in each group.
    """
    total = sum(sizes.values())
    tests, vals = _resolve_amount(test, total), _resolve_amount(val, total)
    test_groups = _choose_groups(sizes, tests)
    others = {group: size for group, size in sizes.items() if group not in test_groups}
    val_groups = _choose_groups(others, vals)
    if len(test_groups) + len(val_groups) == len(sizes):
        raise ColorizerError(
            f"--test {test:g} and --val {val:g} use {tests + vals} of {total} color photographs "
            "and leave none for training; use smaller counts, or fractions such as 0.2"
        )
    splits = dict.fromkeys(sizes, "train")
    return splits | dict.fromkeys(test_groups, "test") | dict.fromkeys(val_groups, "val")


def _choose_groups(sizes: Mapping[str, int], count: int) -> set[str]:
    """Choose groups in order as long as they fit into `count` photographs.

    The result has exactly `count` photographs if enough groups have only one. The first group is
    chosen even if it is larger than `count`, so that a requested split is never empty.
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


def _resolve_amount(amount: float, total: int) -> int:
    """Convert a count (1 or more) or a fraction (below 1) of `total` to a count."""
    if amount >= 1:
        return int(amount)
    return max(1, round(amount * total)) if amount else 0


def _hash_position(seed: int, group: str) -> float:
    """Return the position of a group in [0, 1), which is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:8]) / 2**64


def _parse(row: dict[str, str], columns: int, location: str) -> Photograph:
    if None in row or None in row.values():
        raise ColorizerError(f"{location}: expected {columns} fields")
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
    return Photograph(
        root=row["root"],
        image=row["image"],
        file=row["file"],
        split=row["split"],
        gray=gray,
        group=row["group"],
        phash=row.get("phash", ""),
    )


def _check(rows: Sequence[Photograph], path: Path) -> None:
    images = Counter(row.image for row in rows)
    repeated = [image for image, count in images.items() if count > 1]
    if repeated:
        raise ColorizerError(
            f"{path}: the ID {repeated[0]} occurs {images[repeated[0]]} times; it must be unique"
        )
    group_splits: dict[str, str] = {}
    for row in rows:
        if not row.gray and group_splits.setdefault(row.group, row.split) != row.split:
            raise ColorizerError(
                f"{path}: group {row.group} is in both {group_splits[row.group]} and {row.split}; "
                "all images of a group must be in the same split"
            )


SPLIT_FILE = Path("data/split.csv")  # the default of every command, relative to the working folder
