"""Open the Parquet files of an export with DuckDB."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from analysis.inputs.parquet.files import describe_damage, list_parts
from analysis.inputs.responses import RESPONSE_COLUMNS, ResponsesError, check_columns

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "900MB"  # DuckDB writes the rest to disk
LARGE_MEMORY_LIMIT = "2500MB"
LARGE_ROWS = 30_000_000
WHOLE_NUMBERS = ("block", "position", "candidates", "repeat_of")
NUMBERS = ("rt_ms", "exposure_ms", "first_ms", "second_ms")
MOMENTS = ("started_at", "received_at")


class NotCountedError(Exception):
    """DuckDB cannot count the trials of this study; the message says what it lacks."""


@dataclass(frozen=True)
class Source:
    """The rows of Parquet files, as the view `source` of a DuckDB connection.

    name: what messages call the file; rows: their number.
    """

    name: str
    rows: int
    connection: "duckdb.DuckDBPyConnection"

    def distinct(self, column: str) -> list[str]:
        """Return the values that occur in a column, in alphabetical order."""
        return self.fetch_words(f"SELECT DISTINCT {column} FROM source ORDER BY {column}")

    def run(self, query: str) -> None:
        """Run a statement."""
        self.connection.execute(query)

    def fetch(self, query: str) -> dict[str, NDArray[Any]]:
        """Return the columns of a result as arrays; NULL is NaN."""
        columns = dict(self.connection.execute(query).fetchnumpy())
        return {
            name: column.filled(np.nan)
            if isinstance(column, np.ma.MaskedArray)
            else np.asarray(column)
            for name, column in columns.items()
        }

    def fetch_row(self, query: str) -> tuple[Any, ...]:
        """Return the only row of a result."""
        (row,) = self.connection.execute(query).fetchall()
        return tuple(row)

    def fetch_texts(self, query: str) -> pa.StringArray:
        """Return the only column of a result as an Arrow array, which needs little memory."""
        return self.connection.sql(query).to_arrow_table().column(0).combine_chunks()

    def fetch_words(self, query: str) -> list[str]:
        """Return the only column of a result."""
        return [word for (word,) in self.connection.execute(query).fetchall()]


def count_rows(file: Path) -> int:
    """Return the number of rows of a Parquet file or of its parts. Raises ResponsesError."""
    return sum(_read_metadata(part).num_rows for part in list_parts(file))


@contextmanager
def open_source(file: Path) -> Iterator[Source]:
    """Open a Parquet file, or its parts. Raises ResponsesError if it cannot be read as responses.

    Files that do not fit in memory go to a temporary folder, which is removed in the end.
    """
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise ResponsesError(
            "--engine duckdb needs DuckDB; run `pip install 'hue-and-eye[analysis,duckdb]'`"
        ) from error
    parts, rows = list_parts(file), count_rows(file)
    for part in parts:
        _check_schema(part)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/trials") as connection:
        connection.execute(f"SET temp_directory = '{folder}'")
        limit = LARGE_MEMORY_LIMIT if rows > LARGE_ROWS else MEMORY_LIMIT
        connection.execute(f"SET memory_limit = '{limit}'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        connection.read_parquet([str(part) for part in parts], file_row_number=True).create_view(
            "file"
        )
        connection.execute(f"CREATE TEMP VIEW source AS SELECT {_list_columns()} FROM file")
        try:
            yield Source(file.name, rows, connection)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise describe_damage(file, error) from error


def _list_columns() -> str:
    texts = [name for name in RESPONSE_COLUMNS if name not in (*WHOLE_NUMBERS, *NUMBERS, *MOMENTS)]
    return ", ".join(
        (
            "file_row_number + 1 AS row_number",
            *(f"coalesce({name}, '') AS {name}" for name in texts),
            *(f"{name}::BIGINT AS {name}" for name in WHOLE_NUMBERS),
            *(f"{name}::DOUBLE AS {name}" for name in NUMBERS),
        )
    )


def _read_metadata(part: Path) -> pyarrow.parquet.FileMetaData:
    try:
        return pyarrow.parquet.read_metadata(part)
    except (pa.ArrowException, OSError) as error:
        raise describe_damage(part, error) from error


def _check_schema(part: Path) -> None:
    schema = _read_metadata(part).schema.to_arrow_schema()
    check_columns(part.name, schema.names)
    tests = {
        **dict.fromkeys(RESPONSE_COLUMNS, (_is_text, "text")),
        **dict.fromkeys(WHOLE_NUMBERS, (pa.types.is_integer, "whole numbers")),
        **dict.fromkeys(NUMBERS, (_is_number, "numbers")),
        **dict.fromkeys(MOMENTS, (pa.types.is_timestamp, "times")),
    }
    for field in schema:
        is_right, expected = tests[field.name]
        if not (is_right(field.type) or pa.types.is_null(field.type)):
            raise ResponsesError(
                f"{part.name}: column {field.name} has the type {field.type}, expected {expected}; "
                "see docs/formats.md"
            )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
