"""Read a table that an export writes beside responses.csv, or its view in a study database."""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from analysis.inputs.parquet.files import SUFFIX, read_text_table
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import GUARDED_PATTERNS, parse_url

PSYCH_DS_RESPONSES = re.compile("(study-[a-z0-9]+_description-)responses(_data)")

NumberedRow = tuple[str, Sequence[str]]  # where it stands, such as "line 3", and its cells
CellCheck = tuple[str, str, object, str]  # column, cell, whether it is allowed, what is expected


@dataclass(frozen=True)
class CompanionTable:
    """A table that belongs to responses: the name of its file and of its view, and its columns."""

    file: str
    view: str
    columns: tuple[str, ...]

    def name_in(self, source: str) -> str:
        """Return what messages call the table."""
        return self.view if "://" in source else self._find_beside(source).name

    def exists_beside(self, source: str) -> bool:
        """Return whether the table can be read: a database has it, a file may lie alone."""
        return "://" in source or self._find_beside(source).is_file()

    def _find_beside(self, source: str) -> Path:
        return companion_file(Path(source), self.file)

    def read(self, source: str) -> list[NumberedRow]:
        """Read all rows.

        source: the file of the responses, or the URL of a study database. Raises ResponsesError if
        the table is missing or damaged.
        """
        if "://" in source:
            return self._read_database(source)
        file = self._find_beside(source)
        return (
            self._read_parquet(file)
            if file.suffix == SUFFIX
            else self._read_csv(file, Path(source).name)
        )

    def _read_parquet(self, file: Path) -> list[NumberedRow]:
        table = read_text_table(file)
        if tuple(table.column_names) != self.columns:
            raise ResponsesError(
                f"{file.name}: the columns must be {','.join(self.columns)}; export the study again"
            )
        cells = zip(*(table[column].to_pylist() for column in self.columns), strict=True)
        return [(f"row {number}", row) for number, row in enumerate(cells, 1)]

    def _read_csv(self, path: Path, responses: str) -> list[NumberedRow]:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                if tuple(next(reader, ())) != self.columns:
                    raise ResponsesError(
                        f"{path.name}: line 1: the columns must be {','.join(self.columns)}; "
                        "export the study again"
                    )
                rows = [(f"line {reader.line_num}", row) for row in reader]
        except OSError as error:
            raise ResponsesError(
                f"{path}: {error.strerror}; this task needs the file that `study export` writes "
                f"beside {responses}"
            ) from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise ResponsesError(f"{path.name}: {error}; export the study again") from error
        for line, row in rows:
            if len(row) != len(self.columns):
                raise ResponsesError(
                    f"{path.name}: {line}: {len(row)} values for {len(self.columns)} columns; the "
                    "file was truncated or edited; export the study again"
                )
        return [(line, [_remove_guards(cell) for cell in row]) for line, row in rows]

    def _read_database(self, source: str) -> list[NumberedRow]:
        engine = create_engine(parse_url(source), poolclass=NullPool)
        try:
            with engine.connect() as connection:
                rows = connection.execute(
                    text(f"SELECT {', '.join(self.columns)} FROM {self.view}")
                )
                cells = [["" if value is None else str(value) for value in row] for row in rows]
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise ResponsesError(f"{self.view}: {reason}; check the database") from error
        return [(f"row {number}", row) for number, row in enumerate(sorted(cells), 1)]


def companion_file(responses: Path, file: str) -> Path:
    """Return the path of a table that `study export` writes beside the file of the responses.

    file: its name beside responses.csv, such as judgments.csv. Beside responses in Parquet it is
    Parquet, too, and in a Psych-DS dataset it has a longer name.
    """
    beside = PSYCH_DS_RESPONSES.fullmatch(responses.stem)
    stem = Path(file).stem
    if beside:
        stem = f"{beside[1]}{stem.replace('_', '')}{beside[2]}"
    return responses.with_name(stem + (SUFFIX if responses.suffix == SUFFIX else ".csv"))


def check_cells(place: str, checks: Iterable[CellCheck]) -> None:
    """Raise ResponsesError at the first cell of a row that is not allowed."""
    for column, cell, is_allowed, expected in checks:
        if not is_allowed:
            raise ResponsesError(f"{place}: {column} is {cell!r}, expected {expected}")


def is_number(cell: str) -> bool:
    """Return whether a cell holds a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _remove_guards(cell: str) -> str:
    """Remove the apostrophes that keep spreadsheets from running formulas."""
    for pattern, unguarded in GUARDED_PATTERNS:
        cell = re.sub(pattern, unguarded, cell)
    return cell
