"""Build the table `person_method`: one row for the included trials of a participant and method."""

from analysis.large.connection import Source
from analysis.large.tables.order import Order
from analysis.tasks.learning import PARTS

COUNTS = {
    "method_trials": "TRUE",
    "fooled": "fooled",
    "lefts": "chose_left",
    "late": "is_second_half",
}
PAIRS = {"fooled_left": ("fooled", "lefts"), "fooled_late": ("fooled", "late")}


def build_person_method(source: Source, order: Order) -> None:
    """Build the table from the view `included`.

    method_trials: number of trials. side_00 to side_11: of those, fooled or not (first digit), the
    left side chosen or not. half_00 to half_11: fooled or not, in the second half or not.
    mean_place, mean_fooled: means. a, b: sums of the products of place and answer, and of the
    squares of the place, both centered. last: the last place. By bits, `method_trials_bits` and
    `fooled_bits` have the places.
    """
    tally, kept = _tally_by_windows(), ""
    if order.kind is not None:
        tally, kept = _tally_by_bits(order), "method_trials_bits, fooled_bits, "
    source.run(f"""
CREATE TEMP TABLE person_method AS
SELECT p, m, method_trials, last, {kept}
  method_trials - fooled - lefts + fooled_left AS side_00, lefts - fooled_left AS side_01,
  fooled - fooled_left AS side_10, fooled_left AS side_11,
  method_trials - fooled - late + fooled_late AS half_00, late - fooled_late AS half_01,
  fooled - fooled_late AS half_10, fooled_late AS half_11,
  places / method_trials AS mean_place, fooled / method_trials AS mean_fooled,
  products - places * fooled / method_trials AS a, squares - places * (places / method_trials) AS b
FROM ({tally})
""")


def _tally_by_windows() -> str:
    conditions = COUNTS | {
        name: " AND ".join(COUNTS[one] for one in pair) for name, pair in PAIRS.items()
    }
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rows})::INTEGER AS {name}" for name, rows in conditions.items()
    )
    return f"""
SELECT p, m, {counts}, max(place) AS last,
  sum(place)::DOUBLE AS places, sum(place * place)::DOUBLE AS squares,
  coalesce(sum(place) FILTER (WHERE fooled), 0)::DOUBLE AS products
FROM included GROUP BY p, m
"""


def _tally_by_bits(order: Order) -> str:
    """Count the bits of places, instead of trials."""
    kind, planes = order.kind, range(order.last.bit_length())
    place_bits = {
        f"{name}_bits": f"bit_or(CASE WHEN {rows} THEN 1::{kind} << place ELSE 0::{kind} END)"
        for name, rows in COUNTS.items()
    }
    masks = ", ".join(f"{aggregate} AS {name}" for name, aggregate in place_bits.items())
    counts = ", ".join(f"bit_count({name}_bits)::INTEGER AS {name}" for name in COUNTS)
    pairs = ", ".join(
        f"bit_count({one}_bits & {other}_bits)::INTEGER AS {name}"
        for name, (one, other) in PAIRS.items()
    )
    # a place is the sum of the powers of two in it, a square that of the products of two powers
    every = range(order.last + 1)
    plane = [order.set_bits(place for place in every if place >> one & 1) for one in planes]
    places = {
        name: " + ".join(
            f"{1 << one} * bit_count({name}_bits & {plane[one]})::INTEGER" for one in planes
        )
        for name in ("method_trials", "fooled")
    }
    squares = " + ".join(
        f"{(1 if one == other else 2) << one + other} "
        f"* bit_count(method_trials_bits & {plane[one]} & {plane[other]})::INTEGER"
        for one in planes
        for other in planes
        if other >= one
    )
    return f"""
SELECT p, m, last, method_trials_bits, fooled_bits, {counts}, {pairs},
  ({places["method_trials"] or 0})::DOUBLE AS places, ({squares or 0})::DOUBLE AS squares,
  ({places["fooled"] or 0})::DOUBLE AS products
FROM (SELECT p, m, max(place) AS last, {masks} FROM included GROUP BY p, m)
"""


def count_by_part(order: Order, code: int, places: int) -> str:
    """Return the query of each participant's trials of a method in each part of the test.

    x, y: numbers of trials that did not fool, and that did. places: the number of places.
    """
    if order.kind is None:
        return (
            "SELECT part, count(*) FILTER (WHERE NOT fooled)::DOUBLE AS x, "
            "count(*) FILTER (WHERE fooled)::DOUBLE AS y "
            f"FROM centered WHERE m = {code} GROUP BY p, part"
        )
    of_parts = []
    for part in range(PARTS):
        mask = order.set_bits(at for at in range(places) if at * PARTS // places == part)
        of_parts.append(
            f"SELECT {part} AS part, bit_count(fooled_bits & {mask})::DOUBLE AS y, "
            f"bit_count(method_trials_bits & {mask})::DOUBLE - y AS x FROM person_method "
            f"WHERE m = {code} AND method_trials_bits & {mask} <> 0"
        )
    return " UNION ALL ".join(of_parts)
