"""Count per person in SQL: the measures of the exclusion rules, and what the design planned."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.checks.deviations import CONDITIONS, KIND_BY_PROTOCOL_KEY, REPEATS, StudyFacts
from analysis.exclusions.person_measures import ParticipantMeasures, divide
from analysis.inputs.parquet.files import format_number
from analysis.inputs.responses import StrArray
from analysis.large.connection import NotCountedError, Source
from analysis.large.trial_table import KIND_CODES
from analysis.trials import IntArray

MAX_METHODS = 60  # a bit each
REAL_METHOD = "real"


@dataclass(frozen=True)
class PersonCounts:
    """Counts (P,) of each participant, by name; the outcomes (P,) are texts."""

    outcomes: StrArray
    counts: Mapping[str, IntArray]


def count_people(source: Source, fast_ms: float, real_code: int) -> PersonCounts:
    """Count the trials of each participant.

    real_code: the code of single photographs, which are no fakes; -1 if there are none.
    """
    if source.fetch_row("SELECT max(m) FROM trial")[0] >= MAX_METHODS:
        raise NotCountedError(f"more than {MAX_METHODS} methods")
    main = "is_main AND is_answered"
    filters = {
        "tests": "is_test",
        "tests_answered": "is_test AND is_answered",
        "answered": main,
        "completed": "(is_test OR is_check) AND is_answered",
        "fast": f"{main} AND rt_ms < {fast_ms}",
        "timed": f"{main} AND rt_ms IS NOT NULL",
        "left": f"{main} AND chose_left",
        "changed": f"{main} AND previous IS NOT NULL AND chose_left <> previous",
        "disturbed": f"{main} AND flag_bits & 254 <> 0",
        "checks_shown": "is_check AND is_valid",
        "checks_correct": "is_check AND is_answered AND NOT is_wrong",
        **{
            kind: f"kind_code = {KIND_CODES[kind]} AND repeat_of IS NULL AND is_valid"
            for kind in KIND_BY_PROTOCOL_KEY.values()
        },
        REPEATS: "repeat_of IS NOT NULL AND is_valid",
    }
    columns = ", ".join(
        f"count(*) FILTER (WHERE {rows}) AS {name}" for name, rows in filters.items()
    )
    tested = f"is_test AND m <> {real_code}"
    rows = source.fetch(
        f"SELECT p, {columns}, bit_count(coalesce(bit_or(1::BIGINT << m) FILTER (WHERE {tested}), "
        "0)) AS methods, coalesce(bit_or(flag_bits) FILTER (WHERE is_main), 0) AS flag_bits "
        "FROM trial GROUP BY p ORDER BY p"
    )
    outcomes = source.fetch("SELECT outcome FROM person ORDER BY p")["outcome"].astype(np.str_)
    return PersonCounts(
        outcomes, {name: values.astype(np.int64) for name, values in rows.items() if name != "p"}
    )


def to_measures(people: PersonCounts) -> ParticipantMeasures:
    """Return the measures from the counts."""
    counts = people.counts
    answered = counts["answered"]
    return ParticipantMeasures(
        outcomes=people.outcomes,
        answered_trials=answered,
        completed_trials=counts["completed"],
        fast_share=divide(counts["fast"], counts["timed"]),
        left_share=divide(counts["left"], answered),
        alternation_share=divide(counts["changed"], answered - 1),
        disturbed_share=divide(counts["disturbed"], answered),
        attention_checks_shown=counts["checks_shown"],
        attention_checks_correct=counts["checks_correct"],
    )


def count_facts(
    source: Source, people: PersonCounts, study: str, methods: list[str], is_paired: bool | None
) -> StudyFacts:
    """Return what was done in the study, as the comparison with its design needs it."""
    counts = people.counts
    return StudyFacts(
        study=study,
        rows=count_values(source, "design_sha256", "TRUE"),
        conditions={column: count_values(source, column, "kind = 'test'") for column in CONDITIONS},
        methods=set(methods),
        methods_each=counts["methods"],
        trials_each={kind: counts[kind] for kind in (*KIND_BY_PROTOCOL_KEY.values(), REPEATS)},
        is_complete=people.outcomes == "complete",
        is_paired=is_paired,
    )


def count_values(source: Source, column: str, rows: str) -> dict[str, int]:
    """Return the number of rows with each value of a column, as text, in alphabetical order."""
    found = source.connection.execute(
        f"SELECT {column}, count(*) FROM selected WHERE {rows} GROUP BY {column}"
    ).fetchall()
    return dict(sorted((_to_text(value), count) for value, count in found))


def _to_text(value: object) -> str:
    if value is None:
        return ""
    return format_number(value) if isinstance(value, float) else str(value)
