"""Find and read the tables that `study export --format parquet` writes, as the text of the CSV."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from analysis.inputs.responses import ResponsesError

SUFFIX = ".parquet"
PART_NAME = "{stem}-{number:05d}-of-{parts:05d}.parquet"
PART_PATTERN = re.compile(r"-[0-9]{5}-of-([0-9]{5})\.parquet")
DECIMALS = 3  # of numbers in an export


def resolve_source(source: str) -> str:
    """Return the source of the responses; in a folder it is responses.parquet, in parts or not.

    Raises ResponsesError if there is no such file in the folder.
    """
    folder = Path(source)
    if "://" in source or not folder.is_dir():
        return source
    file = folder / f"responses{SUFFIX}"
    list_parts(file)
    return str(file)


def list_parts(file: Path) -> list[Path]:
    """Return the Parquet file, or the parts STEM-00000-of-00003.parquet that replace it.

    Raises ResponsesError if there is neither, or if a part is missing.
    """
    if file.is_file():
        return [file]
    names = file.parent.glob(f"{file.stem}-*{SUFFIX}")
    counts = {int(match[1]) for one in names if (match := PART_PATTERN.search(one.name))}
    if not counts:
        raise ResponsesError(f"{file}: no such file; use the folder that `study export` wrote")
    if len(counts) > 1:
        raise ResponsesError(
            f"{file.parent}: parts of {file.name} from different exports; use a folder of its own"
        )
    (parts,) = counts
    expected = [
        file.with_name(PART_NAME.format(stem=file.stem, number=number, parts=parts))
        for number in range(parts)
    ]
    for part in expected:
        if not part.is_file():
            raise ResponsesError(f"{part}: this part is missing; copy all {parts} parts again")
    return expected


def read_text_table(file: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table as text: what its CSV file would have in each cell, without guards.

    columns: all of them if None. Raises ResponsesError at a part that is missing or damaged.
    """
    parts = [_read_part(part, columns) for part in list_parts(file)]
    names = parts[0].column_names
    for part, table in zip(list_parts(file), parts, strict=True):
        if table.column_names != names:
            raise ResponsesError(f"{part}: its columns are not those of the other parts")
    table = pa.concat_tables(parts, promote_options="permissive")
    return pa.table({name: _to_text(name, table[name]) for name in names})


def _read_part(file: Path, columns: Sequence[str] | None) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(file, columns=columns, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise describe_damage(file, error) from error


def describe_damage(file: Path, error: Exception) -> ResponsesError:
    """Return the error that a Parquet file cannot be read, in one line."""
    reason = str(error).strip().splitlines()[0].rstrip(".")
    return ResponsesError(
        f"{file}: not a whole Parquet file ({reason}); copy it again, or export the study again"
    )


def _to_text(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values as text, encoded by a dictionary; null becomes an empty text."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    encoded = values.combine_chunks().dictionary_encode()
    words, codes = encoded.dictionary, encoded.indices
    if pa.types.is_floating(kind):
        words = pa.array(map(format_number, words.to_pylist()), pa.string())
    elif pa.types.is_timestamp(kind):
        texts = pyarrow.compute.strftime(words, "%Y-%m-%dT%H:%M:%S")
        words = pyarrow.compute.binary_join_element_wise(texts, "+00:00", "")
    elif pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        words = words.cast(pa.string())
    elif not pa.types.is_null(kind):
        raise ResponsesError(f"column {name}: {kind} is no type of an export; see docs/formats.md")
    if codes.null_count:
        codes = pyarrow.compute.fill_null(codes, len(words))
        words = pa.concat_arrays([words.cast(pa.string()), pa.array([""])])
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, words)])


def format_number(value: float) -> str:
    """Return a number with as few decimals as it needs, at most DECIMALS."""
    return np.format_float_positional(round(value, DECIMALS), trim="-")
