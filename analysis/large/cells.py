"""Count the trials in the cells of crossed factors, such as participant and image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.counted.trials import IMAGE, PARTICIPANT, REAL_IMAGE, CountedFactor, Names
from analysis.large.connection import Source
from analysis.trials import IntArray

COLUMNS = {PARTICIPANT: "p", IMAGE: "i", REAL_IMAGE: "r"}
MAX_LISTED_CELLS = 5_000_000  # more cells are counted by their pattern
MAX_SORTED_TRIALS = 20_000_000  # at once in memory


def count_cells(
    source: Source,
    relation: str,
    names: Names,
    columns: Sequence[str],
    numbers: IntArray,
    family: dict[Names, CountedFactor],
) -> CountedFactor | None:
    """Count the trials of each cell by their row; None if no cell has two trials."""
    if not has_repeated_cells(source, relation, columns):
        return None
    listed = ", ".join(columns)
    different = source.fetch_row(
        f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {relation})"
    )[0]
    if different > MAX_LISTED_CELLS:
        return _count_patterns(source, relation, names, listed, numbers, family)
    cells = source.fetch(
        f"SELECT dense_rank() OVER (ORDER BY {listed}) - 1 AS cluster, packed, n FROM (SELECT "
        f"{listed}, packed, count(*) AS n FROM {relation} GROUP BY ALL)"
    )
    row = find_rows(numbers, cells["packed"])
    return CountedFactor(names, cells["cluster"], row, cells["n"].astype(np.int32), None, family)


def has_repeated_cells(source: Source, relation: str, columns: Sequence[str]) -> bool:
    """Return True if two trials of a relation are in the same cell.

    columns: of the factors. Sorting whole numbers takes a quarter of the time of a hash table.
    """
    sizes = source.fetch_row(
        f"SELECT count(*), {', '.join(f'max({column})' for column in columns)} FROM {relation}"
    )
    if not sizes[0]:
        return False
    cell, size = "0", 1
    for column, last in zip(columns, sizes[1:], strict=True):
        cell, size = f"({cell}) + {size} * {column}::BIGINT", size * (last + 1)
    kind = "UINTEGER" if size < 1 << 32 else "BIGINT"
    parts = 1 + sizes[0] // MAX_SORTED_TRIALS
    for part in range(parts):
        cells = source.fetch(
            f"SELECT ({cell})::{kind} AS cell FROM {relation} WHERE {columns[0]} % {parts} = {part}"
        )["cell"]
        cells.sort()
        if (cells[1:] == cells[:-1]).any():
            return True
    return False


def _count_patterns(
    source: Source,
    relation: str,
    names: Names,
    listed: str,
    numbers: IntArray,
    family: dict[Names, CountedFactor],
) -> CountedFactor:
    """Count how many cells have the same trials."""
    found = source.connection.execute(
        "SELECT pattern, count(*) FROM (SELECT list(packed ORDER BY packed) AS pattern "
        f"FROM {relation} GROUP BY {listed}) GROUP BY pattern"
    ).fetchall()
    sizes = [len(pattern) for pattern, _ in found]
    cluster = np.repeat(np.arange(len(found)), sizes)
    packed = np.array([number for pattern, _ in found for number in pattern], dtype=np.int64)
    times = np.array([count for _, count in found], dtype=np.int64)
    row = find_rows(numbers, packed)
    return CountedFactor(names, cluster, row, np.ones(len(row)), times, family)


def find_rows(numbers: IntArray, packed: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the place of each packed (k,) number among the numbers (n,), which ascend."""
    return np.searchsorted(numbers, packed).astype(np.int32)
