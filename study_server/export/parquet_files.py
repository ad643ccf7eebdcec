"""Write a table as a Parquet file, one row group at a time, so that memory does not grow with rows.

Numbers and times of the tables that grow with the trials have types of their own; all other columns
are texts, as in the CSV files. A cell that is empty there is null here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from study_server.errors import StudyError
from study_server.export.codebook import FORMAT_VERSION
from study_server.files import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 50_000
COMPRESSION = "zstd"
WHOLE_NUMBERS, NUMBERS, MOMENTS = "whole number", "number", "moment"
TYPED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "responses": {
        **dict.fromkeys(("block", "position", "candidates", "repeat_of"), WHOLE_NUMBERS),
        **dict.fromkeys(("rt_ms", "exposure_ms", "first_ms", "second_ms"), NUMBERS),
        **dict.fromkeys(("started_at", "received_at"), MOMENTS),
    },
    "judgments": {
        **dict.fromkeys(("position", "slot"), WHOLE_NUMBERS),
        **dict.fromkeys(("rank", "score", "shown_ms"), NUMBERS),
    },
    "timing": {
        **dict.fromkeys(("position", "first_slot", "first_frames"), WHOLE_NUMBERS),
        **dict.fromkeys(("second_frames", "early", "held"), WHOLE_NUMBERS),
        "scale": NUMBERS,
    },
}


def write_parquet(
    file: Path, table: str, columns: Iterable[str], rows: Iterable[Mapping[str, object]]
) -> int:
    """Write the rows of a table and return their number.

    table: the name of the table, such as responses. Raises StudyError if pyarrow is missing.
    """
    schema = _build_schema(table, columns)
    from pyarrow.parquet import ParquetWriter

    written, remaining = 0, iter(rows)
    with (
        atomic_write(file) as temporary,
        closing(ParquetWriter(temporary, schema, compression=COMPRESSION)) as writer,
    ):
        for group in _iterate_groups(schema, table, remaining):
            writer.write_batch(group)
            written += len(group)
    return written


def _build_schema(table: str, columns: Iterable[str]) -> "pa.Schema":
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise StudyError(
            "--format parquet needs pyarrow; run `pip install 'hue-and-eye[server,parquet]'`"
        ) from error
    types = {
        WHOLE_NUMBERS: pa.int64(),
        NUMBERS: pa.float64(),
        MOMENTS: pa.timestamp("ms", tz="UTC"),
    }
    typed = TYPED_COLUMNS.get(table, {})
    return pa.schema(
        [(name, types[typed[name]] if name in typed else pa.string()) for name in columns],
        metadata={"format": FORMAT_VERSION},
    )


def _iterate_groups(
    schema: "pa.Schema", table: str, rows: Iterator[Mapping[str, object]]
) -> Iterator["pa.RecordBatch"]:
    from pyarrow import RecordBatch, array

    typed = TYPED_COLUMNS.get(table, {})
    readers = {
        name: READERS[typed[name]] if name in typed else _format_text for name in schema.names
    }
    while group := list(islice(rows, ROWS_PER_GROUP)):
        arrays = [
            array([_convert(row[field.name], readers[field.name]) for row in group], field.type)
            for field in schema
        ]
        yield RecordBatch.from_arrays(arrays, schema=schema)


def _convert(value: object, read: Callable[[object], object]) -> object:
    return None if value is None or value == "" else read(value)


def _format_text(value: object) -> str:
    """Return a value as the CSV files print it, without the guards of formulas."""
    if isinstance(value, bool):
        return str(int(value))
    return str(round(value, 3)) if isinstance(value, float) else str(value)


def _read_number(value: object) -> float:
    return round(float(str(value)), 3)


def _read_moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


READERS: Mapping[str, Callable[[object], object]] = {
    WHOLE_NUMBERS: lambda value: int(str(value)),
    NUMBERS: _read_number,
    MOMENTS: _read_moment,
}
