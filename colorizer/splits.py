"""Reproducible membership: which photograph trains, which validates, which people are shown."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from colorizer.atomic import replacing
from colorizer.errors import Mistake
from colorizer.photos import UnreadablePhotograph, find_photographs, is_gray, read_squares

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

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.root, self.file)


COLUMNS = [field.name for field in fields(Photograph)]


def read_split(path: Path) -> list[Photograph]:
    """Raises Mistake where the file is absent, has other columns, or contradicts itself."""
    if not path.exists():
        raise Mistake(f"{path}: no split yet; run `colorizer split PHOTOS` first")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames != COLUMNS:
                raise Mistake(f"{path}: the columns must be {','.join(COLUMNS)}")
            rows = [_parse(row, f"{path}:{reader.line_num}") for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise Mistake(f"{path}: not a CSV in UTF-8 ({error})") from error
    _check(rows, path)
    return rows


def write_split(path: Path, rows: Sequence[Photograph]) -> None:
    """Store the rows, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(row), "gray": int(row.gray)} for row in rows)


def members(rows: Sequence[Photograph], split: str) -> list[Photograph]:
    """The rows of one split; raises Mistake where it is empty."""
    chosen = [row for row in rows if row.split == split]
    if not chosen:
        raise Mistake(f"no photograph is in the {split} split; see `colorizer split --help`")
    return chosen


def new_files(folder: Path, known: Sequence[Photograph]) -> tuple[list[Path], dict[str, str]]:
    """Photographs below a folder that are not known yet, and why others are refused, by name.

    Raises Mistake where the folder holds no photograph.
    """
    files = find_photographs(folder)
    if not files:
        raise Mistake(f"{folder}: no photographs in this folder; give one that has some")
    ids = Counter(image_id(folder, path) for path in files)
    taken = {row.image: row.path for row in known}
    fresh, refused = [], {}
    for path in files:
        image = image_id(folder, path)
        if taken.get(image) == path:
            continue
        name = str(path.relative_to(folder))
        if not image.isprintable():
            refused[ascii(name)] = "its name has characters that are not text; rename it"
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
            image = image_id(folder, path)
            yield Photograph(str(folder), image, file, "", is_gray(square), group=image)


def assign(
    fresh: Sequence[Photograph],
    known: Sequence[Photograph],
    val: float,
    test: float,
    seed: int,
) -> list[Photograph]:
    """Known rows unchanged, then the fresh ones with their split.

    val, test: of the first split, a count from 1 on, a fraction below. Later photographs go by
    the hash of their group at the shares that the known rows have.
    Raises Mistake where nothing would be left to train on.
    """
    groups = sorted({row.group for row in fresh if not row.gray}, key=lambda g: _hash(seed, g))
    placed = {row.group: row.split for row in known if not row.gray}
    if placed:
        counts = Counter(row.split for row in known if not row.gray)
        shares = [counts[split] / counts.total() for split in ("test", "val")]
        sides = {group: _by_hash(_hash(seed, group), *shares) for group in groups}
    else:
        sides = _by_rank(groups, val, test)
    sides.update(placed)
    return [*known, *(row if row.gray else replace(row, split=sides[row.group]) for row in fresh)]


def image_id(folder: Path, path: Path) -> str:
    """The photograph's id: its path below the folder without its suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _by_rank(groups: Sequence[str], val: float, test: float) -> dict[str, str]:
    tests, vals = _count(test, len(groups)), _count(val, len(groups))
    if tests + vals >= len(groups):
        raise Mistake(
            f"--test {test:g} and --val {val:g} take {tests + vals} of {len(groups)} color "
            "photographs and leave none to train on; give smaller counts, or fractions as 0.2"
        )
    sides = ["test"] * tests + ["val"] * vals + ["train"] * (len(groups) - tests - vals)
    return dict(zip(groups, sides, strict=True))


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


def _parse(row: dict[str, str], where: str) -> Photograph:
    if None in row or None in row.values():
        raise Mistake(f"{where}: needs exactly {len(COLUMNS)} fields")
    if row["gray"] not in ("0", "1"):
        raise Mistake(f"{where}: gray is {row['gray']!r}; it must be 0 or 1")
    gray = row["gray"] == "1"
    if row["split"] not in (("",) if gray else SPLITS):
        expected = "empty for a gray photograph" if gray else "train, val or test"
        raise Mistake(f"{where}: split is {row['split']!r}; it must be {expected}")
    return Photograph(**{**row, "gray": gray})  # type: ignore[arg-type]  # gray is a bool by now


def _check(rows: Sequence[Photograph], path: Path) -> None:
    images = Counter(row.image for row in rows)
    twice = [image for image, count in images.items() if count > 1]
    if twice:
        raise Mistake(f"{path}: the id {twice[0]} stands there {images[twice[0]]} times")
    sides: dict[str, str] = {}
    for row in rows:
        if not row.gray and sides.setdefault(row.group, row.split) != row.split:
            raise Mistake(
                f"{path}: the group {row.group} is in {sides[row.group]} and in {row.split}; "
                "images of one group must be on one side"
            )
