"""Find how the answers about a method change with their place in the test, from sums in SQL."""

from collections.abc import Collection

import numpy as np

from analysis.counted.trials import IMAGE, PARTICIPANT, CountedFactor, Names
from analysis.inference.estimates import describe_shares, estimate_mean_scores
from analysis.large.connection import Source
from analysis.large.counts import COLUMNS, Key, count_trials
from analysis.tasks.learning import PART_NAMES, PARTS, Trend

FACTORS = (PARTICIPANT, IMAGE)
BOTH = frozenset(FACTORS)
PRODUCT = "(place - mean_place) * (fooled::DOUBLE - mean_fooled)"
SQUARE = "(place - mean_place) ** 2"


def find_trend(
    source: Source, method: str, code: int, places: int, never_twice: Collection[Names]
) -> Trend:
    """Return the trend of a method. places: the number of places in the test.

    Two rows stand for all trials: the first carries the products, the second the squares.
    """
    family: dict[Names, CountedFactor] = {}
    relation = f"(SELECT p, i, {PRODUCT} AS a, {SQUARE} AS b FROM included WHERE m = {code})"
    for factor in FACTORS:
        names = frozenset({factor})
        sums = source.fetch(
            f"SELECT {COLUMNS[factor]} AS cluster, sum(a) AS a, sum(b) AS b FROM {relation} "
            "GROUP BY cluster"
        )
        n = len(sums["cluster"])
        family[names] = CountedFactor(
            names,
            np.tile(sums["cluster"], 2),
            np.repeat([0, 1], n),
            np.append(sums["a"], sums["b"]),
            None,
            family,
        )
    family[BOTH] = _cross(source, relation, BOTH in never_twice, family)
    part = Key("part", f"place * {PARTS} // {places}", PARTS)
    counted = count_trials(
        source,
        f"(SELECT * FROM included WHERE m = {code})",
        (part, Key("fooled", "fooled", 2)),
        FACTORS,
        never_twice,
    )
    joint = estimate_mean_scores(
        counted.values["fooled"].astype(np.float64),
        counted.values["part"],
        counted.family[frozenset({PARTICIPANT})],
        counted.family[frozenset({IMAGE})],
        PART_NAMES,
        counted.weight,
    )
    return Trend(
        "rate",
        method,
        np.array([1.0, 0.0]),
        np.array([0.0, 1.0]),
        family[frozenset({PARTICIPANT})],
        family[frozenset({IMAGE})],
        places,
        dict(enumerate(describe_shares(joint).values())),
    )


def _cross(
    source: Source, relation: str, never_twice: bool, family: dict[Names, CountedFactor]
) -> CountedFactor:
    """Return two clusters that have the same sum of squares as all cells of person and image."""
    cells = (
        relation
        if never_twice
        else f"(SELECT sum(a) AS a, sum(b) AS b FROM {relation} GROUP BY p, i)"
    )
    n, aa, ab, bb = source.fetch_row(
        f"SELECT count(*), sum(a * a), sum(a * b), sum(b * b) FROM {cells}"
    )
    first = np.sqrt(aa or 0.0)
    shared = (ab or 0.0) / first if first else 0.0
    second = np.sqrt(max((bb or 0.0) - shared**2, 0.0))
    return CountedFactor(
        BOTH,
        np.array([0, 0, 1]),
        np.array([0, 1, 1]),
        np.array([first, shared, second]),
        None,
        family,
        levels=int(n),
    )
