"""Write the responses and, next to them, the other tables and the codebook as CSV or Parquet."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from study_server.csv_cells import format_row
from study_server.errors import StudyError
from study_server.export import codebook, participant_rows
from study_server.export import rows as tables
from study_server.export.parquet_files import write_parquet
from study_server.export.rows import ExportRow
from study_server.files import atomic_write
from study_server.storage.models import Study
from study_server.studies.design import describe_draft
from study_server.vocabulary import Mode

RESPONSES_TABLE, CODEBOOK_TABLE = "responses", "codebook"
DESIGN_JSON, DRAFT_JSON = "design.json", "draft.json"
PARTICIPANTS_TABLE, QUESTIONNAIRE_TABLE = "participants", "questionnaire"
LINK_PARAMETERS_TABLE = "link_parameters"
CSV, PARQUET = "csv", "parquet"


@dataclass(frozen=True)
class CsvTable:
    """A table to write as CSV.

    rows: an iterable that can be read only once. first_line: a line above the header, if any.
    """

    name: str
    columns: Iterable[str]
    rows: Iterable[ExportRow]
    first_line: str = ""

    @property
    def file_name(self) -> str:
        """The name of the CSV file."""
        return f"{self.name}.{CSV}"


def build_tables(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> list[CsvTable]:
    """Return every table of an export.

    blinded: whether the truth of live trials is left out (`unblinding.decide_blinding`).
    """
    rows: Mapping[str, Iterable[ExportRow]] = {
        RESPONSES_TABLE: tables.iterate_responses(db, study, modes, blinded),
        "judgments": tables.iterate_judgments(db, study, modes, blinded),
        "timing": tables.iterate_timing(db, study, modes, blinded),
        "incidents": tables.list_incidents(db, study, modes, blinded),
        PARTICIPANTS_TABLE: participant_rows.list_participants(db, study, modes, blinded),
        QUESTIONNAIRE_TABLE: tables.iterate_questionnaire(db, study, modes),
        LINK_PARAMETERS_TABLE: tables.iterate_link_parameters(db, study, modes),
        "unblinding": tables.list_unblinding(db, study),
        "changes": tables.list_changes(db, study),
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
    db: Session,
    study: Study,
    out: Path,
    modes: Collection[Mode],
    blinded: bool,
    *,
    bom: bool = False,
    as_parquet: bool = False,
) -> tuple[int, int]:
    """Write the responses to `out`, and next to it all other tables and the design.

    bom: begin each CSV file with a byte order mark, by which Excel recognizes UTF-8. as_parquet:
    write Parquet files instead of CSV files. Returns the numbers of trials and participants
    written. Raises StudyError if `out` has the name of another exported file, or if a library is
    missing.
    """
    tables, suffix = build_tables(db, study, modes, blinded), PARQUET if as_parquet else CSV
    other_names = {f"{table.name}.{suffix}" for table in tables[1:]} | {DESIGN_JSON, DRAFT_JSON}
    if out.name in other_names:
        raise StudyError(f"{out}: this name is used for another exported file; use another --out")
    files = {
        t.name: out if t.name == RESPONSES_TABLE else out.with_name(f"{t.name}.{suffix}")
        for t in tables
    }
    written = {
        table.name: write_parquet(files[table.name], table.name, table.columns, table.rows)
        if as_parquet
        else _write(files[table.name], table, bom)
        for table in tables
    }
    write_design(study, out.parent)
    return written[RESPONSES_TABLE], written[PARTICIPANTS_TABLE]


def write_design(study: Study, folder: Path) -> Path:
    """Write the design of a study, or what is known of it before the freeze; return the file."""
    file = folder / (DRAFT_JSON if study.design is None else DESIGN_JSON)
    with atomic_write(file) as temporary:
        temporary.write_text(study.design or describe_draft(study), encoding="utf-8")
    if study.design is not None:
        (folder / DRAFT_JSON).unlink(missing_ok=True)  # of an earlier export
    return file


def list_other_files(study: Study, suffix: str = CSV) -> list[str]:
    """Return the names of the files that `export_study` writes next to the responses.

    suffix: of the tables, without a dot.
    """
    names = [*codebook.TABLE_COLUMNS, CODEBOOK_TABLE]
    design = DRAFT_JSON if study.design is None else DESIGN_JSON
    return [f"{name}.{suffix}" for name in names if name != RESPONSES_TABLE] + [design]


def _write(file: Path, table: CsvTable, bom: bool) -> int:
    """Write a table as CSV and return the number of its rows."""
    lines = 0
    with (
        atomic_write(file) as temporary,
        temporary.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as handle,
    ):
        for line in format_csv(table):
            handle.write(line)
            lines += 1
    return lines - 1  # without the header


def format_csv(table: CsvTable) -> Iterator[str]:
    """Yield the header, with the line above it if there is one, then one line per row."""
    columns = list(table.columns)
    yield (f"{table.first_line}\n" if table.first_line else "") + ",".join(columns) + "\n"
    for row in table.rows:
        yield format_row(row, columns)
