"""responses.csv and, beside it, timing, incidents, participants, codebook: no parser needed."""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export import codebook
from study_server.export import rows as tables
from study_server.export.rows import ExportRow
from study_server.files import atomic_write
from study_server.storage.models import Study
from study_server.vocabulary import Mode

RESPONSES_TABLE, CODEBOOK_TABLE, DESIGN_JSON = "responses", "codebook", "design.json"
FORMULA_PATTERN = re.compile(r"'*[=+\-@\t\r]")  # what makes a spreadsheet take a text for one


@dataclass(frozen=True)
class CsvTable:
    """A CSV to be: rows come one by one, and only once. first_line: above the header."""

    name: str
    columns: Iterable[str]
    rows: Iterable[ExportRow]
    first_line: str = ""

    @property
    def file_name(self) -> str:
        return f"{self.name}.csv"


def build_tables(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> list[CsvTable]:
    """Every table of an export. blinded: as `decide_blinding` decides."""
    rows: Mapping[str, Iterable[ExportRow]] = {
        RESPONSES_TABLE: tables.iterate_responses(db, study, modes, blinded),
        "timing": tables.iterate_timing(db, study, modes),
        "incidents": tables.list_incidents(db, study, modes),
        "participants": tables.list_participants(db, study, modes),
        "unblinding": tables.list_unblinding(db, study),
    }
    return [
        *(CsvTable(name, columns, rows[name]) for name, columns in codebook.TABLE_COLUMNS.items()),
        CsvTable(
            CODEBOOK_TABLE,
            codebook.CODEBOOK_COLUMNS,
            codebook.codebook_rows(),
            codebook.FORMAT_VERSION,
        ),
    ]


def export_study(
    db: Session, study: Study, out: Path, modes: Collection[Mode], blinded: bool
) -> tuple[int, int]:
    """Write responses to `out`; beside it all other tables and the design.

    Returns how many (trials, participants) were written. Raises StudyError.
    """
    tables = build_tables(db, study, modes, blinded)
    other_names = {table.file_name for table in tables[1:]} | {DESIGN_JSON}
    if out.name in other_names:
        raise StudyError(f"{out}: that name is taken by what stands beside the responses")
    files = {
        t.name: out if t.name == RESPONSES_TABLE else out.with_name(t.file_name) for t in tables
    }
    written = {table.name: _write(files[table.name], table) for table in tables}
    if study.design is not None:
        with atomic_write(out.with_name(DESIGN_JSON)) as temporary:
            temporary.write_text(study.design, encoding="utf-8")
    return written[RESPONSES_TABLE], written["participants"]


def _write(file: Path, table: CsvTable) -> int:
    """Write a table as CSV and return the number of its rows."""
    lines = 0
    with (
        atomic_write(file) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        for line in format_csv(table):
            handle.write(line)
            lines += 1
    return lines - 1  # without the header


def format_csv(table: CsvTable) -> Iterator[str]:
    """The header, with the line above it if there is one; then a line a row."""
    line = csv.writer(_LineWriter(), lineterminator="\r\n").writerow  # which makes it quote both
    columns = list(table.columns)
    yield (f"{table.first_line}\n" if table.first_line else "") + line(columns)
    for row in table.rows:
        yield line([_format_cell(row[column]) for column in columns])


class _LineWriter:
    """Gives back what the csv module writes."""

    def write(self, line: str) -> str:
        return line.removesuffix("\r\n") + "\n"


def _format_cell(value: object) -> object:
    """Numbers plain; a text that a spreadsheet would take for a formula behind an apostrophe."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return round(value, 3)
    return f"'{value}" if isinstance(value, str) and FORMULA_PATTERN.match(value) else value
