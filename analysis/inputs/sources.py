"""Read responses from a CSV or Parquet file or the view `responses_export` of a study database."""

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from analysis.inputs.parquet.files import SUFFIX, list_parts, read_text_table
from analysis.inputs.responses import (
    RESPONSE_COLUMNS,
    Column,
    Responses,
    ResponsesError,
    check_columns,
)
from analysis.inputs.row_checks import check_responses
from analysis.trials import IntArray

EXPORT_VIEW = "responses_export"
READ_BLOCK_BYTES = 1 << 20  # bytes
# An export puts one apostrophe more wherever a spreadsheet would begin a formula.
GUARDED_PATTERNS = (
    (r"\A'([ ']*[=+\-@\t\r])", r"\1"),
    (r"([;\t\r\n])'([ \"']*[=+\-@])", r"\1\2"),
)


def read_responses(source: str) -> Responses:
    """Read responses from the path of a CSV or Parquet file or a database URL.

    Raises ResponsesError.
    """
    responses = _read_unchecked(source)
    pa.default_memory_pool().release_unused()  # the text that its codes were made from
    check_responses(responses)
    return responses


def _read_unchecked(source: str) -> Responses:
    if "://" in source:
        return _read_database(source)
    path = Path(source)
    return _read_parquet(path) if path.suffix == SUFFIX else _read_csv(path)


def _read_parquet(path: Path) -> Responses:
    table = read_text_table(path)
    check_columns(path.name, table.column_names)
    row_numbers = np.arange(1, len(table) + 1)
    return _to_responses(path.name, hash_parts(path), table, row_numbers, "row")


def hash_parts(path: Path) -> str:
    """Return the SHA-256 of a Parquet file, or of its parts one after the other."""
    digest = hashlib.sha256()
    for part in list_parts(path):
        with part.open("rb") as file:
            while block := file.read(READ_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _read_csv(path: Path) -> Responses:
    try:
        digest, lines = _hash_and_count_lines(path)
        table, line_numbers = _read_with_arrow(path, lines) or _read_with_csv(path)
    except OSError as error:
        raise ResponsesError(
            f"{path}: {error.strerror}; use responses.csv from `study export`"
        ) from error
    check_columns(path.name, table.column_names)
    return _to_responses(path.name, digest, table, line_numbers, "line", guarded=True)


def _hash_and_count_lines(path: Path) -> tuple[str, int]:
    """SHA-256 of a file and its number of lines, in one reading."""
    digest, ends, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(READ_BLOCK_BYTES):
            digest.update(block)
            ends += block.count(b"\n")
            last = block[-1:]
    return digest.hexdigest(), ends + (last != b"\n")


def _read_with_arrow(path: Path, lines: int) -> tuple[pa.Table, IntArray] | None:
    """Read the table and each row's line number with pyarrow; None if a row spans lines."""
    types = dict.fromkeys(RESPONSE_COLUMNS, pa.string())
    try:
        with pa.OSFile(os.fsencode(path)) as file:  # no Python object for its threads to drop
            convert = pyarrow.csv.ConvertOptions(column_types=types)
            table = pyarrow.csv.read_csv(file, convert_options=convert)
    except pa.ArrowInvalid:
        return None
    return (table, np.arange(2, lines + 1)) if len(table) == lines - 1 else None


def _read_with_csv(path: Path) -> tuple[pa.Table, IntArray]:
    """Read the same with Python's csv module: slower, but its errors name the line."""
    name, rows, line_numbers = path.name, [], []
    try:
        reader = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        check_columns(name, header)
        for row in filter(None, reader):
            if len(row) != len(header):
                values = "1 value" if len(row) == 1 else f"{len(row)} values"
                raise ResponsesError(
                    f"{name}: line {reader.line_num}: {values} for {len(header)} columns;"
                    " the file was truncated or edited; export the study again"
                )
            rows.append(row)
            line_numbers.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise ResponsesError(f"{name}: not UTF-8; save the file as UTF-8") from error
    except csv.Error as error:
        raise ResponsesError(f"{name}: line {reader.line_num}: {error}; export again") from error
    return _to_arrow_table(header, rows), np.array(line_numbers, dtype=np.int64)


def _read_database(source: str) -> Responses:
    url = parse_url(source)
    name = url.render_as_string(hide_password=True)
    try:
        engine = create_engine(url, poolclass=NullPool)  # one reading, nothing to keep open
        with engine.connect() as connection:
            if EXPORT_VIEW not in inspect(connection).get_view_names():
                raise ResponsesError(
                    f"{name}: not a database of `study` (no view {EXPORT_VIEW}); check the URL"
                )
            header, rows = _read_view(connection)
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ResponsesError(f"{name}: {reason}; check the URL and the database") from error
    check_columns(name, header)
    canonical = io.StringIO(newline="")
    csv.writer(canonical, lineterminator="\n").writerows([header, *rows])
    digest = hashlib.sha256(canonical.getvalue().encode()).hexdigest()
    return _to_responses(
        name, digest, _to_arrow_table(header, rows), np.arange(1, len(rows) + 1), "row"
    )


def parse_url(source: str) -> URL:
    """Return the URL of a study database; raise ResponsesError if there is none."""
    try:
        url = make_url(source)
    except ArgumentError as error:
        raise ResponsesError(
            "not a database URL; use sqlite:///PATH or postgresql://..."
        ) from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    is_file = url.get_backend_name() == "sqlite" and url.database
    if is_file and not Path(str(url.database)).is_file():  # SQLite would make an empty one
        raise ResponsesError(f"{url.database}: no such database file")
    return url


def _read_view(connection: Connection) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text, NULL empty, in an order that does not depend on the database."""
    result = connection.execute(text(f"SELECT * FROM {EXPORT_VIEW}"))
    header = list(result.keys())
    rows = [["" if value is None else str(value) for value in row] for row in result]
    return header, sorted(rows)


def _to_arrow_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else ((),) * len(header)
    return pa.table([pa.array(column, pa.string()) for column in values], names=list(header))


def _to_responses(
    name: str,
    digest: str,
    table: pa.Table,
    line_numbers: IntArray,
    unit: str,
    guarded: bool = False,
) -> Responses:
    if not len(table):
        raise ResponsesError(f"{name}: contains no trials; nobody has taken part yet")
    columns = {column: _to_column(table[column], guarded) for column in table.column_names}
    return Responses(name, digest, columns, line_numbers, unit)


def _to_column(values: pa.ChunkedArray, guarded: bool) -> Column:
    array = values.combine_chunks()
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    dictionary = encoded.dictionary
    if guarded:
        for pattern, unguarded in GUARDED_PATTERNS:
            dictionary = pyarrow.compute.replace_substring_regex(dictionary, pattern, unguarded)
    return Column(encoded.indices.to_numpy().astype(np.int32, copy=False), dictionary)
