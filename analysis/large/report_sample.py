"""Build the counted sample of Parquet files: check them, apply the exclusion rules, count."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.counted.trials import IMAGE, PARTICIPANT, REAL_IMAGE
from analysis.exclusions.flow import ANSWERED_STEP
from analysis.exclusions.people import TIME_RULE, ExcludedPeople, FlowStep, list_rule_steps
from analysis.exclusions.rules import (
    NO_RULE_REASON,
    NO_TIMES_REASON,
    apply_rules,
    attention_check_failures,
)
from analysis.inference.detection import REAL_METHOD
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import choose_mode, choose_study
from analysis.inputs.sources import hash_parts
from analysis.large.connection import NotCountedError, Source
from analysis.large.counts import Counted, Key, count_trials
from analysis.large.person_counts import PersonCounts, count_people, to_measures
from analysis.large.sample import FOOLED, CountedSample, StudySelection, select_rows
from analysis.large.trial_table import (
    build_trial_table,
    find_why_nobody_is_recognized,
    quote,
)
from analysis.tasks.catalog import TASKS_WITH_TRUTH
from analysis.trials import BoolArray, IntArray


def build_counted_sample(
    source: Source, file: Path, rules: ExclusionRules, study: str | None, mode: str | None
) -> CountedSample:
    """Build the sample of a study and mode; None chooses them as `select_study` does.

    source: rows that `check_rows` has passed. Raises ResponsesError if they contradict each other,
    NotCountedError if DuckDB's way does
    not cover the study.
    """
    study = choose_study(source.name, _list_values(source, "study"), study)
    mode = choose_mode(source.name, _list_values(source, "mode", study), mode)
    tasks = _list_values(source, "task", study)
    if len(tasks) > 1 or tasks[0] not in TASKS_WITH_TRUTH:
        raise NotCountedError(f"the task {', '.join(tasks)}")
    names, is_single, is_paired = build_trial_table(source, study, mode, rules)
    is_real = is_single and REAL_METHOD in names.methods
    people = count_people(
        source, rules.fast_ms or 0, names.methods.index(REAL_METHOD) if is_real else -1
    )
    measures = to_measures(people)
    results = apply_rules(measures, rules, find_why_nobody_is_recognized(source, study), is_single)
    broken = {rule: who for rule, who in results.items() if not isinstance(who, str)}
    not_applicable = {rule: why for rule, why in results.items() if isinstance(why, str)}
    reason = _find_why_times_are_kept(source, rules)
    if reason:
        not_applicable[TIME_RULE] = reason
    patterns = _store_patterns(source, broken)
    factors = (PARTICIPANT, IMAGE, *([] if is_single or is_paired else [REAL_IMAGE]))
    counted = _count_usable(source, len(names.methods), len(patterns), factors)
    flow = [
        *_selection_steps(source, study, mode, people),
        *_rule_steps(counted, patterns, list(broken)),
    ]
    excluded = ExcludedPeople(
        participants=names.participants,
        flow=flow,
        measures=measures,
        rules=rules,
        violations=broken,
        not_applicable=not_applicable,
        is_flagged=attention_check_failures(measures, rules)
        & ~broken.get("attention_checks", np.False_),
    )
    _build_included(source)
    selection = StudySelection(hash_parts(file), study, mode, tasks[0], is_single, is_paired)
    return CountedSample(source, selection, names, excluded, people, patterns, counted)


def _list_values(source: Source, column: str, study: str | None = None) -> list[str]:
    rows = "" if study is None else f"WHERE study = {quote(study)} "
    return source.fetch_words(f"SELECT DISTINCT {column} FROM source {rows}ORDER BY {column}")


def _find_why_times_are_kept(source: Source, rules: ExclusionRules) -> str:
    """Return why no trial is excluded for its response time; empty if the rule applies."""
    if rules.fast_ms is None and rules.slow_ms is None:
        return NO_RULE_REASON
    timed = source.fetch_row(
        "SELECT count(*) FROM trial WHERE is_test AND is_answered AND rt_ms IS NOT NULL"
    )[0]
    return "" if timed else NO_TIMES_REASON


def _store_patterns(source: Source, broken: dict[str, BoolArray]) -> IntArray:
    """Store which rules each participant breaks, as a code; return the bits of each code.

    The code 0 has no bits.
    """
    bits = sum(who.astype(np.int64) << place for place, who in enumerate(broken.values()))
    patterns, codes = np.unique(np.append(0, bits), return_inverse=True)
    people = pa.table({"p": np.arange(len(codes) - 1), "pattern": codes[1:]})
    source.connection.register("broken_people", people)
    source.run(
        "CREATE TEMP TABLE broken AS SELECT p::INTEGER AS p, pattern::SMALLINT AS pattern "
        "FROM broken_people"
    )
    return patterns.astype(np.int64)


def _count_usable(source: Source, methods: int, patterns: int, factors: tuple[str, ...]) -> Counted:
    real_image = "r, " if REAL_IMAGE in factors else ""
    source.run(
        f"CREATE TEMP TABLE usable AS SELECT p, i, {real_image}m, is_wrong AS fooled, chose_left, "
        "rt_ms, place, nth, is_outlying, pattern FROM trial JOIN broken USING (p) "
        "WHERE is_test AND is_answered"
    )
    keys = (
        Key("method", "m", methods),
        FOOLED,
        Key("pattern", "pattern", patterns),
        Key("outlying", "is_outlying", 2),
    )
    return count_trials(source, "usable", keys, factors)


def _build_included(source: Source) -> None:
    """Build the table of included trials.

    own, mean_place, mean_fooled: of the participant's included trials of the method.
    """
    source.run(
        "CREATE TEMP VIEW kept AS SELECT * FROM usable WHERE pattern = 0 AND NOT is_outlying"
    )
    source.run(
        "CREATE TEMP TABLE own AS SELECT p, m, count(*) AS own, avg(place) AS mean_place, "
        "avg(fooled::DOUBLE) AS mean_fooled FROM kept GROUP BY p, m"
    )
    source.run("CREATE TEMP TABLE size AS SELECT p, sum(own)::INTEGER AS size FROM own GROUP BY p")
    source.run(
        "CREATE TEMP TABLE included AS SELECT kept.* EXCLUDE (nth, is_outlying, pattern), own.own, "
        "mean_place, mean_fooled, 2 * (nth - 1) >= size + size % 2 AS is_second_half "
        "FROM kept JOIN own USING (p, m) JOIN size USING (p)"
    )
    source.run("DROP VIEW kept")
    source.run("DROP TABLE usable")


def _selection_steps(
    source: Source, study: str, mode: str, people: PersonCounts
) -> Iterator[FlowStep]:
    in_study = f"WHERE study = {quote(study)}"
    recorded = source.fetch_row(f"SELECT count(DISTINCT participant) FROM everybody {in_study}")[0]
    rows = source.fetch_row(f"SELECT count(*) FROM source {in_study}")[0]
    yield FlowStep("recorded in the study", recorded, rows)
    selected = source.fetch_row("SELECT count(*) FROM trial")[0]
    yield FlowStep(f"{mode} participants only", len(people.outcomes), selected)
    for step, key in (("test trials", "tests"), (ANSWERED_STEP, "tests_answered")):
        counts = people.counts[key]
        yield FlowStep(step, int(np.count_nonzero(counts)), int(counts.sum()))


def _rule_steps(counted: Counted, patterns: IntArray, broken: list[str]) -> Iterator[FlowStep]:
    participant = counted.family[frozenset({PARTICIPANT})]

    def count_under(rules: Collection[str]) -> FlowStep:
        chosen = select_rows(counted, patterns, broken, rules)
        return FlowStep("", participant.count_levels(chosen), int(counted.weight[chosen].sum()))

    return list_rule_steps(count_under, int(counted.weight.sum()))
