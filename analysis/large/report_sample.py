"""Build the counted sample of Parquet files: check them, apply the exclusion rules, count."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.counted.trials import IMAGE, PARTICIPANT, REAL_IMAGE, Names
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
from analysis.large.counts import Counted, Key, People, count_trials
from analysis.large.included import FOOLED, Included, build_included, build_usable
from analysis.large.sample import CountedSample
from analysis.large.selection import StudySelection, select_rows
from analysis.large.tables.combinations import count_values, list_values
from analysis.large.tables.order import find_order
from analysis.large.tables.person_counts import PersonCounts, count_people, to_measures
from analysis.large.tables.trial_table import (
    build_trial_table,
    check_repeats,
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
    NotCountedError if DuckDB's way does not cover the study.
    """
    study = choose_study(source.name, list_values(source, "study"), study)
    of_study = f"study = {quote(study)}"
    mode = choose_mode(source.name, list_values(source, "mode", of_study), mode)
    tasks = list_values(source, "task", of_study)
    if len(tasks) > 1 or tasks[0] not in TASKS_WITH_TRUTH:
        raise NotCountedError(f"the task {', '.join(tasks)}")
    names, is_single, is_paired = build_trial_table(source, study, mode, rules)
    order = find_order(source)
    is_real = is_single and REAL_METHOD in names.methods
    people = count_people(
        source, order, rules.fast_ms or 0, names.methods.index(REAL_METHOD) if is_real else -1
    )
    check_repeats(source)
    measures = to_measures(people)
    results = apply_rules(measures, rules, find_why_nobody_is_recognized(source, study), is_single)
    broken = {rule: who for rule, who in results.items() if not isinstance(who, str)}
    not_applicable = {rule: why for rule, why in results.items() if isinstance(why, str)}
    reason = _find_why_times_are_kept(source, rules)
    if reason:
        not_applicable[TIME_RULE] = reason
    patterns = _store_patterns(source, broken)
    factors = (PARTICIPANT, IMAGE, *([] if is_single or is_paired else [REAL_IMAGE]))
    build_usable(source, order, REAL_IMAGE in factors)
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
    selection = StudySelection(hash_parts(file), study, mode, tasks[0], is_single, is_paired)
    methods = _list_tested(source, is_single)
    places = build_included(source, order, [names.methods.index(method) for method in methods])
    included = Included(
        source, order, np.array(names.methods), factors, _list_never_twice(counted), places
    )
    return CountedSample(
        source, selection, names, methods, excluded, people, patterns, counted, included
    )


def _list_tested(source: Source, is_single: bool) -> list[str]:
    methods = count_values(source, "method", "kind = 'test'")
    return [method for method in methods if not (is_single and method == REAL_METHOD)]


def _list_never_twice(counted: Counted) -> frozenset[Names]:
    """Return the crossings of factors of which no cell has two answered test trials."""
    n = len(counted.weight)
    return frozenset(
        names
        for names, factor in counted.family.items()
        if factor.times is not None and len(factor.times) == n and len(names) > 1
    )


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
    """Count all answered test trials, before exclusions."""
    keys = (
        Key("method", "m", methods),
        FOOLED,
        Key("outlying", "is_outlying", 2),
        Key("pattern", "pattern", patterns),
    )
    kinds = [(fooled, outlying) for fooled in (0, 1) for outlying in (0, 1)]
    columns = {
        f"n_{code}_{fooled}{outlying}": {"method": code, "fooled": fooled, "outlying": outlying}
        for code in range(methods)
        for fooled, outlying in kinds
    }
    counts = ", ".join(
        f"count(*) FILTER (WHERE is_wrong = {bool(fooled)} AND is_outlying = {bool(outlying)}) "
        f"AS n_{fooled}{outlying}"
        for fooled, outlying in kinds
    )
    tally = f"(SELECT p, m, {counts} FROM trial WHERE is_test AND is_answered GROUP BY p, m)"
    by_method = ", ".join(
        f"coalesce(sum(n_{values['fooled']}{values['outlying']}) "
        f"FILTER (WHERE m = {values['method']}), 0)::INTEGER AS {column}"
        for column, values in columns.items()
    )
    relation = (
        f"(SELECT p, pattern, {by_method} FROM {tally} JOIN broken USING (p) GROUP BY p, pattern)"
    )
    people = People(relation, columns, ("pattern", "pattern"))
    return count_trials(source, "usable", keys, factors, people=people)


def _selection_steps(
    source: Source, study: str, mode: str, people: PersonCounts
) -> Iterator[FlowStep]:
    in_study = f"WHERE study = {quote(study)}"
    recorded = source.fetch_row(f"SELECT count(DISTINCT participant) FROM everybody {in_study}")[0]
    rows = source.fetch_row(f"SELECT sum(n)::BIGINT FROM combination {in_study}")[0]
    yield FlowStep("recorded in the study", recorded, rows)
    selected = int(people.counts["trials"].sum())
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
