"""Count per person in SQL: the measures of the exclusion rules, and what the design planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.checks.study_facts import CONDITIONS, KIND_BY_PROTOCOL_KEY, REPEATS, StudyFacts
from analysis.exclusions.person_measures import ParticipantMeasures, divide
from analysis.inputs.parquet.files import format_number
from analysis.inputs.responses import StrArray
from analysis.large.connection import Source
from analysis.large.tables.combinations import count_values
from analysis.large.tables.order import IS_ANSWERED, IS_KEPT, Order, check_positions
from analysis.large.tables.trial_table import KIND_CODES
from analysis.trials import IntArray

EXPOSURE = "exposure_ms"


@dataclass(frozen=True)
class PersonCounts:
    """Counts (P,) of each participant, by name; the outcomes (P,) are texts."""

    outcomes: StrArray
    counts: Mapping[str, IntArray]


def count_people(source: Source, order: Order, fast_ms: float, real_code: int) -> PersonCounts:
    """Count the trials of each participant, and store the counts in the table `person_tally`.

    real_code: the code of single photographs, which are no fakes; -1 if there are none. Raises
    ResponsesError if two trials have the same position.
    """
    main = IS_ANSWERED
    filters = {
        "trials": "TRUE",
        "tests": "is_test",
        "tests_answered": "is_test AND is_answered",
        "answered": main,
        "completed": "(is_test OR is_check) AND is_answered",
        "fast": f"{main} AND rt_ms < {fast_ms}",
        "timed": f"{main} AND rt_ms IS NOT NULL",
        "lefts": f"{main} AND chose_left",
        "kept": IS_KEPT,
        "disturbed": f"{main} AND flag_bits & 254 <> 0",
        "checks_shown": "is_check AND is_valid",
        "checks_correct": "is_check AND is_answered AND NOT is_wrong",
        **{
            kind: f"kind_code = {KIND_CODES[kind]} AND repeat_of IS NULL AND is_valid"
            for kind in KIND_BY_PROTOCOL_KEY.values()
        },
        REPEATS: "repeat_of IS NOT NULL AND is_valid",
    }
    tested = f"is_test AND m <> {real_code}"
    tallies = {
        **{name: f"count(*) FILTER (WHERE {rows})::INTEGER" for name, rows in filters.items()},
        "methods": f"coalesce(bit_or(1::BIGINT << m) FILTER (WHERE {tested}), 0)",
        "flag_bits": "coalesce(bit_or(flag_bits) FILTER (WHERE is_main), 0)",
        **order.list_tallies(),
    }
    columns = ", ".join(f"{tally} AS {name}" for name, tally in tallies.items())
    source.run(f"CREATE TEMP TABLE person_tally AS SELECT p, {columns} FROM trial GROUP BY p")
    check_positions(source, order)
    rows = source.fetch(
        f"SELECT {', '.join(filters)}, bit_count(methods) AS methods, flag_bits, "
        f"{order.count_changes()} AS changed FROM person_tally ORDER BY p"
    )
    outcomes = source.fetch("SELECT outcome FROM person ORDER BY p")["outcome"].astype(np.str_)
    return PersonCounts(outcomes, {name: values.astype(np.int64) for name, values in rows.items()})


def to_measures(people: PersonCounts) -> ParticipantMeasures:
    """Return the measures from the counts."""
    counts = people.counts
    answered = counts["answered"]
    return ParticipantMeasures(
        outcomes=people.outcomes,
        answered_trials=answered,
        completed_trials=counts["completed"],
        fast_share=divide(counts["fast"], counts["timed"]),
        left_share=divide(counts["lefts"], answered),
        alternation_share=divide(counts["changed"], answered - 1),
        disturbed_share=divide(counts["disturbed"], answered),
        attention_checks_shown=counts["checks_shown"],
        attention_checks_correct=counts["checks_correct"],
    )


def count_facts(
    source: Source, people: PersonCounts, study: str, methods: Sequence[str], is_paired: bool | None
) -> StudyFacts:
    """Return what was done in the study, as the comparison with its design needs it."""
    counts = people.counts
    return StudyFacts(
        study=study,
        rows=count_values(source, "design_sha256", "TRUE"),
        conditions={column: count_condition(source, column) for column in CONDITIONS},
        methods=set(methods),
        methods_each=counts["methods"],
        trials_each={kind: counts[kind] for kind in (*KIND_BY_PROTOCOL_KEY.values(), REPEATS)},
        is_complete=people.outcomes == "complete",
        is_paired=is_paired,
    )


def count_condition(source: Source, column: str) -> dict[str, int]:
    """Return the number of test trials with each value of a column, in alphabetical order."""
    if column != EXPOSURE:
        return count_values(source, column, "kind = 'test'")
    found = source.connection.execute(
        f"SELECT {EXPOSURE}, count(*) FROM selected WHERE kind = 'test' GROUP BY {EXPOSURE}"
    ).fetchall()
    return dict(
        sorted(("" if value is None else format_number(value), count) for value, count in found)
    )
