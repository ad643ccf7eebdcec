"""Count the included trials: once in DuckDB, in tables from which every estimate takes its sums."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.checks.response_behavior import OrderEffect, compare_halves
from analysis.counted.trials import IMAGE, PARTICIPANT, CountedTrials, Names
from analysis.large.connection import Source
from analysis.large.counts import Counted, Key, People, count_trials
from analysis.large.tables.order import Order
from analysis.large.tables.person_method import build_person_method
from analysis.tasks.learning import PARTS
from analysis.trials import Trials

FOOLED, LEFT = Key("fooled", "fooled", 2), Key("left", "chose_left", 2)
SECOND = Key("second", "is_second_half", 2)
ANSWERS = {  # column -> the values of its keys
    f"{column}_{fooled}{value}": {"fooled": fooled, key: value}
    for column, key in (("side", "left"), ("half", "second"))
    for fooled in (0, 1)
    for value in (0, 1)
}
SIDES, HALVES = (
    {name: values for name, values in ANSWERS.items() if key in values}
    for key in ("left", "second")
)


def build_usable(source: Source, order: Order, real_image: bool) -> None:
    """Build the view of answered test trials. real_image: photographs of others were beside them.

    The tables `broken` and `person_tally` have the participants' patterns and tallies.
    """
    facts = "".join(f", {column}" for column in order.list_facts())
    source.run(
        f"CREATE TEMP TABLE facts AS SELECT p, pattern, kept{facts} "
        "FROM person_tally JOIN broken USING (p)"
    )
    source.run(
        f"CREATE TEMP VIEW usable AS SELECT p, i, {'r, ' if real_image else ''}m, is_wrong AS "
        f"fooled, chose_left, rt_ms, is_outlying, pattern, {order.count_before('test')} AS place, "
        f"2 * {order.count_before('kept')} >= kept + kept % 2 AS is_second_half "
        "FROM trial JOIN facts USING (p) WHERE is_test AND is_answered"
    )


def build_included(source: Source, order: Order, tested: Sequence[int]) -> int:
    """Build the tables of included trials; return the number of places in the test.

    tested: the codes of the tested methods. Beside person_method, there is the view `centered`:
    each trial, with its participant's `method_trials`, and the products `a` and squares `b` of the
    place and the answer, both centered on the participant.
    """
    source.run(
        "CREATE TEMP VIEW included AS SELECT * EXCLUDE (is_outlying, pattern) FROM usable "
        "WHERE pattern = 0 AND NOT is_outlying"
    )
    build_person_method(source, order)
    listed = ", ".join(map(str, tested)) or "NULL"
    last = source.fetch_row(f"SELECT max(last) FROM person_method WHERE m IN ({listed})")[0]
    places = (last or 0) + 1
    source.run(
        "CREATE TEMP VIEW centered AS SELECT included.*, method_trials, "
        "(place - mean_place) * (fooled::DOUBLE - mean_fooled) AS a, "
        f"(place - mean_place) * (place - mean_place) AS b, place * {PARTS} // {places} AS part "
        "FROM included JOIN person_method USING (p, m)"
    )
    source.run(
        "CREATE TEMP TABLE image_answers AS SELECT i, m, fooled, chose_left, method_trials, "
        "count(*) AS n FROM centered GROUP BY ALL"
    )
    source.run(
        "CREATE TEMP TABLE image_places AS SELECT i, m, fooled, is_second_half, part, count(*) "
        "AS n FROM centered GROUP BY ALL"
    )
    source.run(  # sums in few groups take less time than in those above
        "CREATE TEMP TABLE image_sums AS SELECT i, m, count(*) AS n, sum(a) AS a, sum(b) AS b, "
        "sum(a * a) AS aa, sum(a * b) AS ab, sum(b * b) AS bb FROM centered GROUP BY i, m"
    )
    return places


@dataclass(frozen=True)
class Included:
    """The included trials, as estimates need them.

    methods: names by code. factors: the crossed ones. never_twice: crossings of which no cell has
    two trials. places: their number in the test.
    """

    source: Source
    order: Order
    methods: NDArray[np.str_]
    factors: Sequence[str]
    never_twice: frozenset[Names]
    places: int

    def list_trials(self, codes: Sequence[int]) -> Trials:
        """Return the trials one by one, of the methods with these codes; of all without codes."""
        rows = f"WHERE m IN ({', '.join(map(str, codes))}) " if codes else ""
        listed = self.source.fetch(f"SELECT p, i, m, fooled FROM included {rows}ORDER BY p, place")
        return Trials(
            listed["fooled"].astype(np.bool_),
            listed["p"].astype(np.int64),
            listed["i"].astype(np.int64),
            self.methods[listed["m"]],
        )

    def of_people(self, code: int) -> CountedTrials:
        """Return the trials of a method, with their participant's number of trials."""
        most = (
            self.source.fetch_row(f"SELECT max(method_trials) FROM person_method WHERE m = {code}")[
                0
            ]
            or 0
        )
        trials_key = Key("person_trials", "method_trials", most + 1)
        columns = {f"fooled_{value}": {"fooled": value} for value in (0, 1)}
        relation = (
            "(SELECT p, method_trials, side_00 + side_01 AS fooled_0, "
            f"side_10 + side_11 AS fooled_1 FROM person_method WHERE m = {code})"
        )
        people = People(relation, columns, ("person_trials", "method_trials"))
        trials = self._count(code, (FOOLED, trials_key), people, "image_answers")
        if frozenset({PARTICIPANT, IMAGE}) in self.never_twice:
            return trials
        shares = self.source.fetch_row(
            "SELECT sum(n * n / of_person), sum(n * n / of_image), max(n) FROM (SELECT n, sum(n) "
            "OVER (PARTITION BY p) AS of_person, sum(n) OVER (PARTITION BY i) AS of_image FROM "
            f"(SELECT p, i, count(*) AS n FROM included WHERE m = {code} GROUP BY p, i))"
        )
        return replace(trials, cell_shares=None if shares[2] == 1 else shares[:2])

    def with_sides(self, code: int | None) -> CountedTrials:
        """Return the trials of a method, or of all, with the side of the answer."""
        return self._count(code, (FOOLED, LEFT), self._people(code, SIDES), "image_answers")

    def find_order_effect(self) -> OrderEffect:
        """Return the change from the first to the second half of the trials."""
        keys, people = (FOOLED, SECOND), self._people(None, HALVES)
        counted = self._count_rows("centered", keys, people, "image_places")
        trials, second = counted.to_trials(self.methods), counted.values["second"] == 1
        return compare_halves(trials.select(~second), trials.select(second))

    def with_photographs(self, code: int, real: int) -> CountedTrials:
        """Return a method's single fakes, and the photographs that the same people saw."""
        people = f"(SELECT p FROM person_method WHERE m = {code})"
        rows = f"(SELECT * FROM included WHERE m = {code} OR (m = {real} AND p IN {people}))"
        keys = (Key("method", "m", len(self.methods)), FOOLED)
        return self._count_rows(rows, keys).to_trials(self.methods)

    def _people(self, code: int | None, columns: dict[str, dict[str, int]]) -> People:
        if code is not None:
            return People(f"(SELECT * FROM person_method WHERE m = {code})", columns)
        sums = ", ".join(f"sum({column}) AS {column}" for column in columns)
        return People(f"(SELECT p, {sums} FROM person_method GROUP BY p)", columns)

    def _count(
        self, code: int | None, keys: Sequence[Key], people: People, images: str
    ) -> CountedTrials:
        if code is None:
            return self._count_rows("centered", keys, people, images).to_trials(self.methods)
        rows, images = (
            f"(SELECT * FROM {table} WHERE m = {code})" for table in ("centered", images)
        )
        counted = self._count_rows(rows, keys, people, images)
        return counted.to_trials(self.methods[[code]])

    def _count_rows(
        self,
        table: str,
        keys: Sequence[Key],
        people: People | None = None,
        images: str | None = None,
    ) -> Counted:
        return count_trials(
            self.source, table, keys, self.factors, self.never_twice, people=people, images=images
        )
