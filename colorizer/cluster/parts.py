"""Parts of a manifest: one Parquet file for each few photographs, written when they are finished.

What is finished is read from the parts, never from the times of files, which object storage does
not keep. A photograph that was refused has one row with the reason and no method.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from colorizer.errors import ColorizerError
from colorizer.object_storage import Storage, join
from colorizer.photos.reading import map_ahead
from colorizer.stimuli.manifest import PARTS_FOLDER, ManifestRow

SCHEMA = pa.schema(
    [
        *((field.name, pa.int32() if field.type is int else pa.string())
          for field in fields(ManifestRow)),
        ("position", pa.int32()),  # of the method among those of the photograph
        ("photograph", pa.string()),  # its path within the folder
        ("refused", pa.string()),  # why, or null
        ("recipe", pa.string()),
    ]
)  # fmt: skip
Row = Mapping[str, Any]


def open_parts(out: str) -> Storage:
    """Return the folder of the parts of an output folder or URL."""
    return Storage(join(out, PARTS_FOLDER))


def write_part(parts: Storage, name: str, rows: Sequence[Row]) -> None:
    """Write a part; missing columns are null."""
    _write(parts, f"{name}.parquet", pa.Table.from_pylist(list(rows), schema=SCHEMA))


def remove_outdated(parts: Storage, recipes: Collection[str]) -> set[str]:
    """Remove the rows of all other recipes, whose files may be replaced; return those that stay."""
    finished: set[str] = set()
    wanted = pa.array(list(recipes), pa.string())
    for name, part in _read_all(parts):
        current = part.filter(pc.is_in(part["recipe"], wanted))
        if not current.num_rows:
            parts.delete(name)
        elif current.num_rows < part.num_rows:
            _write(parts, name, current)
        finished |= set(current["recipe"].to_pylist())
    return finished


def read_rows(parts: Storage, recipes: Collection[str]) -> pa.Table:
    """Return the rows of all these recipes, sorted by photograph and method.

    Raises ColorizerError if one is missing, as it happens if the workers write to folders of their
    own.
    """
    missing = set(recipes)
    tables = []
    for _, part in _read_all(parts):
        new = missing & set(part["recipe"].to_pylist())
        missing -= new
        tables.append(part.filter(pc.is_in(part["recipe"], pa.array(list(new), pa.string()))))
    if missing:
        raise ColorizerError(
            f"{parts.place}: the rows of {len(missing)} of {len(recipes)} photographs are not "
            "there; all nodes must see the same folder (use a URL if they do not), and a second "
            "call makes what is missing"
        )
    return pa.concat_tables(tables).sort_by([("image", "ascending"), ("position", "ascending")])


def iterate_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as dicts, a few thousand of them in memory at a time."""
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _write(parts: Storage, name: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    parts.write(name, sink.getvalue().to_pybytes())


def _read_all(parts: Storage) -> Iterator[tuple[str, pa.Table]]:
    names = sorted(name for name in parts.list() if name.endswith(".parquet"))
    return map_ahead(lambda name: _read(parts, name), names)


def _read(parts: Storage, name: str) -> pa.Table:
    place = join(parts.place, name)
    content = parts.read(name)
    try:
        table = pq.read_table(pa.BufferReader(content or b""))
    except pa.ArrowInvalid as error:
        raise ColorizerError(
            f"{place}: not a complete Parquet file; delete it, and its stimuli are made again"
        ) from error
    if table.schema != SCHEMA:
        raise ColorizerError(f"{place}: not a part of a manifest; use another --out")
    return table
