"""Find the place of each trial among those of its participant.

A participant's trials of a kind are the bits of a whole number, by position: the number of such
trials before a position is the number of lower bits, and no trial has to be sorted. Where positions
are too large for that, windows sort the trials of each participant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.inputs.responses import ResponsesError
from analysis.large.connection import Source

TYPES = {"BIGINT": 62, "HUGEINT": 126}  # of whole numbers: how many positions are bits
IS_TEST = "is_test"
IS_KEPT = "is_test AND is_answered AND NOT is_outlying"
IS_ANSWERED = "is_main AND is_answered"
BITS = {
    "all_bits": "TRUE",
    "test_bits": IS_TEST,
    "kept_bits": IS_KEPT,
    "answered_bits": IS_ANSWERED,
    "left_bits": f"{IS_ANSWERED} AND chose_left",
}


@dataclass(frozen=True)
class Order:
    """The SQL that finds the places of trials.

    kind: the type of the bits; None: by windows. last: the largest position.
    """

    kind: str | None
    last: int

    def list_tallies(self) -> Mapping[str, str]:
        """Return the aggregates over a participant's trials that the others need, by name."""
        if self.kind is None:
            return {"changed": "count(*) FILTER (WHERE is_changed)"}
        bit = f"(1::{self.kind} << position)"
        return {
            name: f"bit_or(CASE WHEN {rows} THEN {bit} ELSE 0::{self.kind} END)"
            for name, rows in BITS.items()
        }

    def count_changes(self) -> str:
        """Return the number of answers that differ from the participant's previous one.

        By bits: first, every position without an answer takes the side of the answer before it. In
        the bits of these gaps, a carry that starts behind an answer `left` runs through its gap.
        """
        if self.kind is None:
            return "changed"
        every = f"{(1 << (self.last + 1)) - 1}::{self.kind}"
        gaps = f"xor({every}, answered_bits)"
        starts = f"((left_bits << 1) & {gaps})"
        is_left = f"(left_bits | ({gaps} & xor({every}, ({gaps} + {starts}) & {every})))"
        changed = f"bit_count(xor(left_bits, {is_left} << 1) & answered_bits)"
        return f"({changed} - (left_bits & answered_bits & -answered_bits <> 0)::INTEGER)"

    def count_before(self, tallied: str) -> str:
        """Return the number of `test` or of `kept` trials before the position of a trial."""
        if self.kind is None:
            return f"{tallied}_before"
        below = f"((1::{self.kind} << position) - 1)"
        return f"bit_count({tallied}_bits & {below})::INTEGER"

    def set_bits(self, places: Iterable[int]) -> str:
        """Return the number with the bits of these places."""
        return f"{sum(1 << place for place in places)}::{self.kind}"

    def list_facts(self) -> list[str]:
        """Return the columns of a participant that `count_before` reads."""
        return [] if self.kind is None else ["test_bits", "kept_bits"]


def find_order(source: Source) -> Order:
    """Return how the places in `trial` are found; where they have to be sorted, make it a table."""
    last = source.fetch_row("SELECT max(position) FROM trial")[0]
    kind = next((kind for kind, positions in TYPES.items() if last < positions), None)
    if kind is None:
        _sort_trials(source)
    return Order(kind, last)


def _sort_trials(source: Source) -> None:
    source.run(f"""
CREATE TEMP TABLE sorted AS
SELECT *,
  (count(*) FILTER (WHERE {IS_TEST}) OVER w - ({IS_TEST})::INTEGER)::INTEGER AS test_before,
  (count(*) FILTER (WHERE {IS_KEPT}) OVER w - ({IS_KEPT})::INTEGER)::INTEGER AS kept_before,
  coalesce({IS_ANSWERED} AND chose_left <> lag(CASE WHEN {IS_ANSWERED} THEN chose_left END
    IGNORE NULLS) OVER (PARTITION BY p ORDER BY position), FALSE) AS is_changed
FROM trial
WINDOW w AS (PARTITION BY p ORDER BY position ROWS UNBOUNDED PRECEDING)
""")
    source.run("DROP VIEW trial")
    source.run("DROP TABLE packed_trial")
    source.run("ALTER TABLE sorted RENAME TO trial")


def check_positions(source: Source, order: Order) -> None:
    """Raise ResponsesError if a participant has two trials with the same position."""
    if order.kind is not None:
        twice = "SELECT count(*) FROM person_tally WHERE bit_count(all_bits) <> trials"
        if not source.fetch_row(twice)[0]:
            return
    found = source.fetch(
        "SELECT participant, position FROM (SELECT p, position FROM trial GROUP BY p, position "
        "HAVING count(*) > 1) JOIN person USING (p) ORDER BY participant, position LIMIT 1"
    )
    if len(found["position"]):
        raise ResponsesError(
            f"{source.name}: participant {found['participant'][0]} has two rows with position "
            f"{found['position'][0]}, expected one row per trial; do not combine overlapping "
            "exports; export the study again"
        )
