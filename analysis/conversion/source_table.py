"""Read a table as text from a CSV or Parquet file that any program may have written."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from analysis.conversion.notes import ConversionError, Notes, count_noun
from analysis.inputs.spreadsheet_text import DELIMITERS, decode_spreadsheet, find_delimiter

MISSING = {
    *("", "na", "n/a", "#n/a", "#na", "nan", "null", "#null!", "none", "undefined", "missing"),
    *(".", "-", "--", "<na>"),
}  # in lower case
MAX_CELL = 1 << 30  # characters; a prompt or a conversation may be long
OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook; save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV UTF-8",
    b"{": "JSON; export the data as CSV",
    b"[": "JSON; export the data as CSV",
    b"$FL2": "an SPSS file; save it as CSV",
}


@dataclass(frozen=True)
class SourceRow:
    """A row: its values by column, without spaces around them, and its line in the file.

    Missing values are empty.
    """

    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class SourceTable:
    """A table of text. name: the file's, without its folder. line_word: what its rows stand in."""

    name: str
    columns: list[str]
    rows: list[SourceRow]
    line_word: str = "line"

    def locate(self, line: int) -> str:
        """Return where a row is, for a message."""
        return f"{self.name}: {self.line_word} {line}"


def read_source(
    path: Path, notes: Notes, *, missing: Collection[str] = (), header_mark: str = ""
) -> SourceTable:
    """Read a CSV file in any dialect of a spreadsheet, or a Parquet file.

    missing: further spellings of a missing value. header_mark: a text in the last row of the
    header, if it has several rows. Raises ConversionError.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConversionError(f"{path}: {error.strerror}; check the path") from error
    for start, advice in OTHER_FORMATS.items():
        if content.lstrip().startswith(start):
            raise ConversionError(f"{path.name}: this is {advice}")
    is_parquet = content.startswith(b"PAR1")
    header, body, dialect = _read_parquet(path) if is_parquet else _read_csv(path.name, content)
    if header_mark:
        body = _skip_header_rows(path.name, body, header_mark)
    columns = _check_header(path.name, header)
    spellings = MISSING | {value.casefold() for value in missing}
    rows = list(_build_rows(path.name, header, columns, body, spellings, notes))
    if not rows:
        raise ConversionError(f"{path.name}: contains no rows below the header; check the file")
    size = f"{count_noun(len(rows), 'row')}, {count_noun(len(columns), 'column')}"
    notes.table.append(f"{path.name}: {size} ({dialect})")
    return SourceTable(path.name, columns, rows, "row" if is_parquet else "line")


NumberedCells = tuple[int, list[str]]


def _read_csv(name: str, content: bytes) -> tuple[list[str], list[NumberedCells], str]:
    """Return the header, the rows and the dialect in words."""
    earlier_limit = csv.field_size_limit(MAX_CELL)  # it applies to the whole process
    try:
        text, encoding = decode_spreadsheet(content)
        if "\0" in text:
            raise ConversionError(f"{name}: not a text file; save the table as CSV UTF-8")
        delimiter = find_delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = next(reader, [])
        body = [(reader.line_num, cells) for cells in reader if any(cells)]
    except UnicodeDecodeError as error:
        raise ConversionError(f"{name}: unknown encoding; save the file as CSV UTF-8") from error
    except csv.Error as error:
        raise ConversionError(f"{name}: line {reader.line_num}: {error}; export again") from error
    finally:
        csv.field_size_limit(earlier_limit)
    return header, body, f"{encoding}, {DELIMITERS[delimiter]}"


def _read_parquet(path: Path) -> tuple[list[str], list[NumberedCells], str]:
    try:
        table = pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConversionError(f"{path.name}: {reason}; write the Parquet file again") from error
    columns = [_to_texts(table.column(place)) for place in range(table.num_columns)]
    rows = zip(*columns, strict=True) if columns else ()
    numbered = [(row, list(cells)) for row, cells in enumerate(rows, 1)]
    return table.column_names, numbered, "Parquet"


def _to_texts(column: pa.ChunkedArray) -> list[str]:
    """Return values as a CSV file has them; whole numbers stay whole beside missing ones."""
    values = column.to_pylist()
    if pa.types.is_floating(column.type):
        return ["" if value is None else _format_float(value) for value in values]
    return ["" if value is None else str(value) for value in values]


def _format_float(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _skip_header_rows(name: str, body: list[NumberedCells], mark: str) -> list[NumberedCells]:
    for place, (_, cells) in enumerate(body[:3]):
        if any(mark in cell for cell in cells):
            return body[place + 1 :]
    raise ConversionError(
        f"{name}: no header row contains {mark}; export the data again, with all its header rows"
    )


def _check_header(name: str, header: Sequence[str]) -> list[str]:
    """Return the names of the columns that have one."""
    columns = [column.strip() for column in header if column.strip()]
    if not columns:
        raise ConversionError(f"{name}: line 1 has no names of columns; add a header")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ConversionError(f"{name}: line 1: two columns are named {twice[0]!r}; rename one")
    return columns


def _build_rows(
    name: str,
    header: Sequence[str],
    columns: Sequence[str],
    body: Sequence[NumberedCells],
    missing: Collection[str],
    notes: Notes,
) -> Iterator[SourceRow]:
    """Yield the rows; a spreadsheet may have left out empty cells at the end of one."""
    places = [place for place, column in enumerate(header) if column.strip()]
    for line, cells in body:
        if any(cells[len(header) :]):
            raise ConversionError(
                f"{name}: line {line}: {len(cells)} values for {len(header)} columns; check the "
                "separators"
            )
        if cells == list(header):
            notes.dropped["that repeat the header"] += 1
            continue
        padded = [*cells, *[""] * (len(header) - len(cells))]
        values = [padded[place].strip() for place in places]
        known = ["" if value.casefold() in missing else value for value in values]
        yield SourceRow(line, dict(zip(columns, known, strict=True)))
