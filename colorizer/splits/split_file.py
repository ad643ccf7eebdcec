"""Read and write data/split.csv, which assigns each photograph to a split."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.files import atomic_write

SPLIT_FILE = Path("data/split.csv")  # the default of every command, relative to the working folder
SPLITS = ("train", "val", "test")


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


SPLIT_COLUMNS = [field.name for field in fields(Photograph)]
# Unicode categories that file names must not contain: control characters, undecodable bytes and
# line separators.
UNWRITABLE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


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


def describe_name_problem(image: str, files: int) -> str | None:
    """Return why an ID cannot be used, or None; files: the number of files that have it."""
    if any(unicodedata.category(character) in UNWRITABLE_CATEGORIES for character in image):
        return "the name contains line breaks or invalid characters; rename the file"
    return f"{files} files have the ID {image}; rename them" if files > 1 else None


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
