"""Count trials by the rows that an estimate asks for, and in the clusters of each factor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.counted.trials import IMAGE, PARTICIPANT, CountedFactor, CountedTrials, Names
from analysis.large.cells import COLUMNS, count_cells, find_rows
from analysis.large.connection import Source
from analysis.trials import IntArray

Family = dict[Names, CountedFactor]


@dataclass(frozen=True)
class Key:
    """Something that rows agree in: an SQL expression, and the number of its values from 0."""

    name: str
    expression: str
    size: int


class PeopleCounts(Protocol):
    """The number of trials of each participant in each row, already counted."""

    def count(
        self, source: Source, keys: Sequence[Key], numbers: IntArray, family: Family
    ) -> CountedFactor:
        """Return the participants as a factor. numbers (n,): of the rows, in ascending order."""


@dataclass(frozen=True)
class People:
    """Participants in a table, of whom those with equally many trials of each row are alike.

    relation: has one line per participant (`p`). columns: by column with a number of trials, the
    values of the keys. own: a key whose value is a column of the participant, with its expression.
    """

    relation: str
    columns: Mapping[str, Mapping[str, int]]
    own: tuple[str, str] | None = None

    def count(
        self, source: Source, keys: Sequence[Key], numbers: IntArray, family: Family
    ) -> CountedFactor:
        """Return the participants as a factor, with those who are alike as one cluster."""
        name, own = self.own or ("", "0")
        alike = source.fetch(
            f"SELECT {own} AS own_key, {', '.join(self.columns)}, count(*) AS times, "
            f"min(p) AS first FROM {self.relation} GROUP BY ALL ORDER BY first"
        )
        shift = alike["own_key"].astype(np.int64)
        clusters, rows, counts = [], [], []
        for column, values in self.columns.items():
            shown = np.flatnonzero(alike[column])
            number = pack(keys, values, shift[shown], name)
            clusters.append(shown)
            rows.append(find_rows(numbers, number))
            counts.append(alike[column][shown].astype(np.int32))
        return CountedFactor(
            frozenset({PARTICIPANT}),
            np.concatenate(clusters),
            np.concatenate(rows),
            np.concatenate(counts),
            alike["times"].astype(np.int64),
            family,
            first=alike["first"].astype(np.int64),
        )


@dataclass(frozen=True)
class Counted:
    """Counted trials and the value (n,) of each key of their rows.

    rows (n,): the number that stands for the row in SQL.
    """

    values: Mapping[str, IntArray]
    rows: IntArray
    weight: IntArray
    family: Family

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
    *,
    people: PeopleCounts | None = None,
    images: str | None = None,
) -> Counted:
    """Count the trials of a table, or of a subquery, by these keys.

    factors: the crossed ones, such as participant and image. never_twice: crossings of which no
    cell is known to have two trials. people, images: tables in which participants and images have
    been counted already; images has `n` trials in each line.
    """
    packed = " + ".join(
        f"{stride} * ({key.expression})::BIGINT"
        for key, stride in zip(keys, _list_strides(keys), strict=True)
    )
    relation = f"(SELECT *, {packed} AS packed FROM {table})"
    lines = f"(SELECT i, n, {packed} AS packed FROM {images})" if images else relation
    cells = source.fetch(
        f"SELECT i, packed, {'sum(n)' if images else 'count(*)'}::BIGINT AS n FROM {lines} "
        "GROUP BY ALL"
    )
    numbers, row = np.unique(cells["packed"].astype(np.int64), return_inverse=True)
    weight = np.bincount(row, weights=cells["n"], minlength=len(numbers)).astype(np.int64)
    family: Family = {}
    image = frozenset({IMAGE})
    family[image] = CountedFactor(
        image, cells["i"], row.astype(np.int32), cells["n"].astype(np.int32), None, family
    )
    if people:
        family[frozenset({PARTICIPANT})] = people.count(source, keys, numbers, family)
    for some in (
        some for size in range(1, len(factors) + 1) for some in combinations(factors, size)
    ):
        names = frozenset(some)
        if names not in family:
            family[names] = (
                count_alone(names, weight, family)
                if names in never_twice
                else _count_factor(source, relation, names, some, numbers, weight, family)
            )
    return Counted(_unpack(numbers, keys), numbers, weight, family)


def _list_strides(keys: Sequence[Key]) -> list[int]:
    strides = [1]
    for key in keys[:-1]:
        strides.append(strides[-1] * max(key.size, 1))
    return strides


def pack(
    keys: Sequence[Key], values: Mapping[str, int], own: IntArray | int = 0, name: str = ""
) -> IntArray:
    """Return the number of a row, or of k rows. own (k,): the values of the key `name`, if any."""
    strides = dict(zip((key.name for key in keys), _list_strides(keys), strict=True))
    number = sum(value * strides[key] for key, value in values.items())
    return np.asarray(number + own * strides.get(name, 0))


def _unpack(numbers: IntArray, keys: Sequence[Key]) -> dict[str, IntArray]:
    return {
        key.name: numbers // stride % max(key.size, 1)
        for key, stride in zip(keys, _list_strides(keys), strict=True)
    }


def _count_factor(
    source: Source,
    relation: str,
    names: Names,
    factors: Sequence[str],
    numbers: IntArray,
    weight: IntArray,
    family: Family,
) -> CountedFactor:
    columns = [COLUMNS[factor] for factor in factors]
    if len(columns) > 1:
        factor = count_cells(source, relation, names, columns, numbers, family)
        return factor or count_alone(names, weight, family)
    cells = source.fetch(
        f"SELECT {columns[0]} AS cluster, packed, count(*) AS n FROM {relation} GROUP BY ALL"
    )
    row = find_rows(numbers, cells["packed"])
    return CountedFactor(names, cells["cluster"], row, cells["n"].astype(np.int32), None, family)


def count_alone(names: Names, weight: IntArray, family: Family) -> CountedFactor:
    """Return the cells of trials that never share one."""
    every = np.arange(len(weight))
    return CountedFactor(names, every, every, np.ones(len(weight)), weight, family)
