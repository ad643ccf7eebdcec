"""Read CSV files that a spreadsheet has saved, and write cells that no spreadsheet runs.

A German or French Excel separates cells by semicolons and may save in its own encoding. It also
splits cells of a file with commas at semicolons, so a formula may begin in the middle of a text.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study_server.errors import StudyError

DELIMITERS = ",;\t"
ENCODINGS = ("utf-8-sig", "cp1252")  # Excel saves in the latter unless told otherwise
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # Excel's "Unicode text"
DELIMITER_LINE = re.compile(r"sep=(.)\r?\n")  # which Excel understands, and some programs write
# Where a spreadsheet of any language would begin a formula: at the start of a text, or after a
# character that may separate cells, and then perhaps spaces or quotes.
FORMULA_START = re.compile(r"\A(?=[ ']*[=+\-@\t\r])|(?<=[;\t\r\n])(?=[ \"']*[=+\-@])")
GUARDED_START = re.compile(r"\A'(?=[ ']*[=+\-@\t\r])|(?<=[;\t\r\n])'(?=[ \"']*[=+\-@])")


@dataclass(frozen=True)
class CsvInput:
    """The content of a CSV file: its columns, and its rows with their line numbers."""

    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]


def read_csv(path: Path, *, guarded: bool = False) -> CsvInput:
    """Read a CSV file in the dialect of its header: commas, semicolons or tabs.

    guarded: whether `format_row` wrote it, so that the guards of formulas are removed. Raises
    StudyError with the file, the line and a remedy.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_csv(str(path), content, guarded=guarded)


def parse_csv(name: str, content: bytes, *, guarded: bool = False) -> CsvInput:
    """Return the content of a CSV file, as `read_csv` does. name: the file in error messages."""
    text = _decode(name, content)
    marked = DELIMITER_LINE.match(text)
    body, first_line = (text[marked.end() :], 2) if marked else (text, 1)
    delimiter = marked[1] if marked else _find_delimiter(body)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        rows = []
        for cells in reader:
            if any(cells):
                location = f"{name}:{reader.line_num + first_line - 1}"
                values = [remove_guard(cell) for cell in cells] if guarded else cells
                rows.append((reader.line_num + first_line - 1, _to_row(location, columns, values)))
    except csv.Error as error:
        line = reader.line_num + first_line - 1
        raise StudyError(f"{name}:{line}: not valid CSV: {error}") from error
    return CsvInput(columns, rows)


def _decode(name: str, content: bytes) -> str:
    if content.startswith(UTF_16_MARKS):
        return content.decode("utf-16")
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise StudyError(f"{name}: unknown encoding; save the file as CSV UTF-8")


def _find_delimiter(text: str) -> str:
    """Return the delimiter that is most frequent in the header."""
    header = text.partition("\n")[0]
    return max(DELIMITERS, key=header.count)  # the comma, if there is none


def _to_row(location: str, columns: list[str], cells: list[str]) -> dict[str, str]:
    filled = cells + [""] * (len(columns) - len(cells))
    if any(filled[len(columns) :]):
        raise StudyError(
            f"{location}: {len(cells)} values for {len(columns)} columns; check the separators"
        )
    return dict(zip(columns, filled, strict=False))


def guard_formulas(text: str) -> str:
    """Put an apostrophe wherever a spreadsheet would begin a formula."""
    return FORMULA_START.sub("'", text)


def remove_guard(text: str) -> str:
    """Undo `guard_formulas`."""
    return GUARDED_START.sub("", text)


def format_row(cells: Mapping[str, object], columns: list[str]) -> str:
    """Format a line of CSV: numbers as they are, every text in quotes and guarded."""
    return ",".join(_format_cell(cells[column]) for column in columns) + "\n"


def _format_cell(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(round(value, 3))
    if isinstance(value, int):
        return str(value)
    return '"' + guard_formulas(str(value)).replace('"', '""') + '"'
