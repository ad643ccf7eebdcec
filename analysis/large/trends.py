"""Find how the answers about a method change with their place in the test, from sums in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, sqrt
from typing import Any

import numpy as np

from analysis.counted.trials import IMAGE, PARTICIPANT, CountedFactor, Names
from analysis.inference.estimates import describe_shares
from analysis.inference.joint_estimates import estimate_mean_scores
from analysis.large.connection import Source
from analysis.large.counts import Counted, Family, Key, count_trials, pack
from analysis.large.included import FOOLED, Included
from analysis.large.tables.person_method import count_by_part
from analysis.tasks.learning import PART_NAMES, PARTS, Trend
from analysis.trials import IntArray

PEOPLE, IMAGES = frozenset({PARTICIPANT}), frozenset({IMAGE})
BOTH = PEOPLE | IMAGES
SQUARES = "sum(a * a), sum(a * b), sum(b * b)"
PART = Key("part", "part", PARTS)


def find_trend(included: Included, method: str, code: int) -> Trend:
    """Return the trend of a method. code: its own.

    Two rows stand for all trials: the first carries the products, the second the squares.
    """
    source, family = included.source, Family()
    sums = source.fetch(f"SELECT i, a, b FROM image_sums WHERE m = {code}")
    images = len(sums["i"])
    family[IMAGES] = CountedFactor(
        IMAGES,
        np.tile(sums["i"], 2),
        np.repeat([0, 1], images),
        np.append(sums["a"], sums["b"]),
        None,
        family,
    )
    of_people = f"SELECT count(*), {SQUARES} FROM person_method WHERE m = {code}"
    cells = f"(SELECT sum(a) AS a, sum(b) AS b FROM centered WHERE m = {code} GROUP BY p, i)"
    of_cells = (
        f"SELECT sum(n), sum(aa), sum(ab), sum(bb) FROM image_sums WHERE m = {code}"
        if BOTH in included.never_twice
        else f"SELECT count(*), {SQUARES} FROM {cells}"
    )
    for names, query in ((PEOPLE, of_people), (BOTH, of_cells)):
        family[names] = sum_up_clusters(names, [source.fetch_row(query)], [(0, 1)], family)
    parts = _count_parts(included, code)
    joint = estimate_mean_scores(
        parts.values["fooled"].astype(np.float64),
        parts.values["part"],
        parts.family[PEOPLE],
        parts.family[IMAGES],
        PART_NAMES,
        parts.weight,
    )
    return Trend(
        "rate",
        method,
        np.array([1.0, 0.0]),
        np.array([0.0, 1.0]),
        family[PEOPLE],
        family[IMAGES],
        included.places,
        dict(enumerate(describe_shares(joint).values())),
    )


def _count_parts(included: Included, code: int) -> Counted:
    """Count the trials of a method by the part of the test in which they were."""
    of_method = f"WHERE m = {code}"
    by_part = count_by_part(included.order, code, included.places)
    return count_trials(
        included.source,
        f"(SELECT * FROM centered {of_method})",
        (PART, FOOLED),
        (PARTICIPANT, IMAGE),
        included.never_twice,
        people=PeopleByPart(by_part),
        images=f"(SELECT * FROM image_places {of_method})",
    )


@dataclass(frozen=True)
class PeopleByPart:
    """The participants' trials in each part, as sums of squares.

    query: as of `count_by_part`.
    """

    query: str

    def count(
        self, source: Source, keys: Sequence[Key], numbers: IntArray, family: Family
    ) -> CountedFactor:
        """Return the participants as a factor, which is exact for the trials of a single part."""
        squares = source.connection.execute(
            "SELECT part, count(*), sum(x * x), sum(x * y), sum(y * y) "
            f"FROM ({self.query}) GROUP BY part ORDER BY part"
        ).fetchall()
        values = [[{"part": part, "fooled": fooled} for fooled in (0, 1)] for part, *_ in squares]
        rows = [[_find_row(numbers, pack(keys, one)) for one in pair] for pair in values]
        return sum_up_clusters(PEOPLE, [sums for _, *sums in squares], rows, family)


def _find_row(numbers: IntArray, number: IntArray) -> int:
    """Return the place of a number; -1 if no row has it."""
    found = np.flatnonzero(numbers == number)
    return int(found[0]) if len(found) else -1


def sum_up_clusters(
    names: Names,
    squares: Sequence[Sequence[Any]],
    rows: Sequence[Sequence[int]],
    family: Family,
) -> CountedFactor:
    """Return a factor with the sums of squares of another one, with a few clusters for all.

    squares: for pairs of rows x and y, the number of clusters and the sums over clusters of x * x,
    x * y and y * y. rows: the pairs; -1 is a row that does not exist. Sums of squares over rows of
    several pairs are not those of the other factor.
    """
    entries: list[tuple[int, int, float]] = []
    times: list[int] = []
    for (levels, *sums), pair in zip(squares, rows, strict=True):
        for many, values in _split_squares(levels or 0, *sums):
            entries += [
                (len(times), row, value)
                for row, value in zip(pair, values, strict=True)
                if row >= 0
            ]
            times.append(many)
    cluster, row, count = (np.array(column) for column in zip(*entries, strict=True))
    return CountedFactor(names, cluster, row, count, np.array(times), family)


def _split_squares(
    levels: int, xx: float, xy: float, yy: float
) -> list[tuple[int, tuple[float, float]]]:
    """Return clusters with these sums of squares, each with how often it comes."""
    if levels < 2:
        return [(1, (sqrt(xx), copysign(sqrt(yy), xy)))] * levels
    many, first = levels - 1, sqrt(xx)
    shared = xy / first if first else 0.0
    rest = sqrt(max(yy - shared**2, 0.0))
    return [(many, (first / sqrt(many), shared / sqrt(many))), (1, (0.0, rest))]
