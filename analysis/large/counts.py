"""Count trials by the rows that an estimate asks for, and in the clusters of each factor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.counted.trials import (
    IMAGE,
    PARTICIPANT,
    REAL_IMAGE,
    CountedFactor,
    CountedTrials,
    Names,
)
from analysis.large.connection import Source
from analysis.trials import IntArray

COLUMNS = {PARTICIPANT: "p", IMAGE: "i", REAL_IMAGE: "r"}
MAX_LISTED_CELLS = 5_000_000  # more cells are counted by their pattern


@dataclass(frozen=True)
class Key:
    """Something that rows agree in: an SQL expression, and the number of its values from 0."""

    name: str
    expression: str
    size: int


@dataclass(frozen=True)
class Counted:
    """Counted trials and the value (n,) of each key of their rows.

    rows (n,): the number that stands for the row in SQL.
    """

    values: Mapping[str, IntArray]
    rows: IntArray
    weight: IntArray
    family: dict[Names, CountedFactor]

    def to_trials(
        self, methods: NDArray[np.str_], *, fooled: str = "fooled", method: str = "method"
    ) -> CountedTrials:
        """Return the trials. methods: the names of the methods, by code."""
        named = methods[self.values[method]] if method in self.values else methods[:1]
        return CountedTrials(
            fooled=self.values[fooled].astype(np.bool_),
            method=np.broadcast_to(named, len(self.rows)) if len(named) == 1 else named,
            weight=self.weight,
            family=self.family,
            left=self.values["left"].astype(np.bool_) if "left" in self.values else None,
            person_trials=self.values.get("person_trials"),
        )


def count_trials(
    source: Source,
    table: str,
    keys: Sequence[Key],
    factors: Sequence[str],
    never_twice: Collection[Names] = (),
) -> Counted:
    """Count the trials of a table, or of a subquery, by these keys.

    factors: the crossed ones, such as participant and image. never_twice: crossings of which no
    cell is known to have two trials.
    """
    packed, size = "0", 1
    for key in keys:
        packed, size = f"({packed}) + {size} * ({key.expression})::BIGINT", size * max(key.size, 1)
    relation = f"(SELECT *, {packed} AS packed FROM {table})"
    rows = source.fetch(
        f"SELECT packed, count(*) AS n FROM {relation} GROUP BY packed ORDER BY packed"
    )
    numbers, weight = rows["packed"].astype(np.int64), rows["n"].astype(np.int64)
    family: dict[Names, CountedFactor] = {}
    for some in (
        some for size in range(1, len(factors) + 1) for some in combinations(factors, size)
    ):
        names = frozenset(some)
        if names in never_twice:
            family[names] = _count_alone(names, weight, family)
            continue
        family[names] = _count_factor(source, relation, names, some, numbers, weight, family)
    return Counted(_unpack(numbers, keys), numbers, weight, family)


def _unpack(numbers: IntArray, keys: Sequence[Key]) -> dict[str, IntArray]:
    values, left = {}, numbers
    for key in keys:
        values[key.name], left = left % max(key.size, 1), left // max(key.size, 1)
    return values


def _count_factor(
    source: Source,
    relation: str,
    names: Names,
    factors: Sequence[str],
    numbers: IntArray,
    weight: IntArray,
    family: dict[Names, CountedFactor],
) -> CountedFactor:
    columns = [COLUMNS[factor] for factor in factors]
    if len(columns) == 1:
        cells = source.fetch(
            f"SELECT {columns[0]} AS cluster, packed, count(*) AS n FROM {relation} GROUP BY ALL"
        )
        row = find_rows(numbers, cells["packed"])
        return CountedFactor(names, cells["cluster"], row, _narrow(cells["n"]), None, family)
    listed = ", ".join(columns)
    different = source.fetch_row(
        f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {relation})"
    )[0]
    if different == weight.sum():  # no cell has two trials
        return _count_alone(names, weight, family)
    if different <= MAX_LISTED_CELLS:
        cells = source.fetch(
            f"SELECT dense_rank() OVER (ORDER BY {listed}) - 1 AS cluster, packed, n FROM (SELECT "
            f"{listed}, packed, count(*) AS n FROM {relation} GROUP BY ALL)"
        )
        row = find_rows(numbers, cells["packed"])
        return CountedFactor(names, cells["cluster"], row, _narrow(cells["n"]), None, family)
    return _count_patterns(source, relation, names, listed, numbers, family)


def _count_alone(
    names: Names, weight: IntArray, family: dict[Names, CountedFactor]
) -> CountedFactor:
    """Return the cells of trials that never share one."""
    every = np.arange(len(weight))
    return CountedFactor(names, every, every, np.ones(len(weight)), weight, family)


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


def find_rows(numbers: IntArray, packed: NDArray[Any]) -> NDArray[np.int32]:
    """Return the place of each packed (k,) number among the numbers (n,), which ascend."""
    if len(numbers) and numbers[-1] < MAX_LISTED_CELLS:
        places = np.zeros(int(numbers[-1]) + 1, dtype=np.int32)
        places[numbers] = np.arange(len(numbers))
        found: NDArray[np.int32] = places[packed]
        return found
    return np.searchsorted(numbers, packed).astype(np.int32)


def _narrow(counts: NDArray[Any]) -> NDArray[np.int32]:
    return counts.astype(np.int32)
