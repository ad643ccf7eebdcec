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
from colorizer.photos.duplicates import join_groups, near_pairs, perceptual_hash
from colorizer.photos.reading import UnreadablePhotograph, find_photographs, is_gray, read_squares

SPLITS = ("train", "val", "test")
LOOKED_AT = 256  # px: grayness is judged on the square that training and stimuli show


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


COLUMNS = [field.name for field in fields(Photograph)]
UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, stray bytes, line separators
REPORTED = {"val": 8400, "test": 1600}  # of TOTAL (the source report's table 1)
TOTAL = 200_000


def read_split(path: Path) -> list[Photograph]:
    """Raises ColorizerError where the file is absent, has other columns, or contradicts itself."""
    if not path.exists():
        raise ColorizerError(f"{path}: no split yet; run `colorizer split PHOTOS` first")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames not in (COLUMNS, COLUMNS[:-1]):  # by hand: without phash
                raise ColorizerError(f"{path}: the columns must be {','.join(COLUMNS)}")
            columns = len(reader.fieldnames)
            rows = [_parse(row, columns, f"{path}:{reader.line_num}") for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ColorizerError(f"{path}: not a CSV in UTF-8 ({error})") from error
    _check(rows, path)
    return rows


def write_split(path: Path, rows: Sequence[Photograph]) -> None:
    """Store the rows, whole or not at all."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(row), "gray": int(row.gray)} for row in rows)


def members(rows: Sequence[Photograph], split: str) -> list[Photograph]:
    """The rows of one split; raises ColorizerError where it is empty."""
    chosen = [row for row in rows if row.split == split]
    if not chosen:
        raise ColorizerError(f"no photograph is in the {split} split; see `colorizer split --help`")
    return chosen


def new_files(folder: Path, known: Sequence[Photograph]) -> tuple[list[Path], dict[str, str]]:
    """Photographs below a folder that are not known yet, and why others are refused, by name.

    Raises ColorizerError where the folder holds no photograph.
    """
    files = find_photographs(folder)
    if not files:
        raise ColorizerError(f"{folder}: no photographs in this folder; give one that has some")
    ids = Counter(image_id(folder, path) for path in files)
    taken = {row.image: row.path for row in known}
    fresh, refused = [], {}
    for path in files:
        image = image_id(folder, path)
        if taken.get(image) == path:
            continue
        name = str(path.relative_to(folder))
        if any(unicodedata.category(character) in UNWRITABLE for character in image):
            refused[name] = "its name has line breaks or bytes that are not text; rename it"
        elif image in taken:
            refused[name] = f"{taken[image]} already has the id {image}; rename one"
        elif ids[image] > 1:
            refused[name] = f"{ids[image]} files have the id {image}; rename them"
        else:
            fresh.append(path)
    return fresh, refused


def look_at(folder: Path, files: Sequence[Path]) -> Iterator[Photograph | tuple[str, str]]:
    """For each file its row, not yet on a side, or (name, reason) where it cannot be read."""
    for path, square in read_squares(files, LOOKED_AT):
        file = path.relative_to(folder).as_posix()
        if isinstance(square, UnreadablePhotograph):
            yield file, str(square)
        else:
            image, gray = image_id(folder, path), is_gray(square)
            phash = "" if gray else perceptual_hash(square)
            yield Photograph(str(folder), image, file, "", gray, group=image, phash=phash)


def assign(
    fresh: Sequence[Photograph],
    known: Sequence[Photograph],
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
    fresh = _group(fresh, known)
    sizes = Counter(row.group for row in fresh if not row.gray)
    groups = sorted(sizes, key=lambda group: _hash(seed, group))
    placed = {row.group: row.split for row in known if not row.gray}
    if placed:
        counts = Counter(row.split for row in known if not row.gray)
        shares = [counts[split] / counts.total() for split in ("test", "val")]
        sides = {group: _by_hash(_hash(seed, group), *shares) for group in groups}
    else:
        sides = _by_rank({group: sizes[group] for group in groups}, val, test)
    sides.update(placed)
    return [*known, *(row if row.gray else replace(row, split=sides[row.group]) for row in fresh)]


def report_count(split: str, photographs: int) -> int:
    """How many of them the source report's table 1 would give a split; at most its own number."""
    return max(1, min(REPORTED[split], round(REPORTED[split] / TOTAL * photographs)))


def image_id(folder: Path, path: Path) -> str:
    """The photograph's id: its path below the folder without its suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _group(fresh: Sequence[Photograph], known: Sequence[Photograph]) -> list[Photograph]:
    """The fresh rows in the groups of their near-duplicates; known rows stay where they are."""
    hashed = [row for row in (*known, *fresh) if row.phash]
    pairs = near_pairs([row.phash for row in hashed])
    placed = {row.group for row in known if not row.gray}
    joined = join_groups([row.group for row in hashed], pairs, placed)
    groups = {row.image: group for row, group in zip(hashed, joined, strict=True)}
    return [replace(row, group=groups.get(row.image, row.group)) for row in fresh]


def _by_rank(sizes: Mapping[str, int], val: float, test: float) -> dict[str, str]:
    """sizes: photographs of each group, in the order in which groups are taken"""
    total = sum(sizes.values())
    tests, vals = _count(test, total), _count(val, total)
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
    taken: set[str] = set()
    for group, size in sizes.items():
        if size <= count or (count > 0 and not taken):
            taken.add(group)
            count -= size
    return taken


def _by_hash(position: float, test: float, val: float) -> str:
    if position < test:
        return "test"
    return "val" if position < test + val else "train"


def _count(amount: float, of: int) -> int:
    if amount >= 1:
        return int(amount)
    return max(1, round(amount * of)) if amount else 0


def _hash(seed: int, group: str) -> float:
    """In [0, 1), the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:8]) / 2**64


def _parse(row: dict[str, str], columns: int, where: str) -> Photograph:
    if None in row or None in row.values():
        raise ColorizerError(f"{where}: needs exactly {columns} fields")
    if row["gray"] not in ("0", "1"):
        raise ColorizerError(f"{where}: gray is {row['gray']!r}; it must be 0 or 1")
    gray = row["gray"] == "1"
    if row["split"] not in (("",) if gray else SPLITS):
        expected = "empty for a gray photograph" if gray else "train, val or test"
        raise ColorizerError(f"{where}: split is {row['split']!r}; it must be {expected}")
    if not re.fullmatch("([0-9a-f]{16})?", row.get("phash", "")):
        raise ColorizerError(
            f"{where}: phash is {row['phash']!r}; it must be 16 hex digits, or empty"
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
