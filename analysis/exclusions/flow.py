"""Which people and which trials enter a rate, and the count of what stays out and why."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.person_measures import (
    ParticipantMeasures,
    find_repeat_participants,
    measure_participants,
)
from analysis.exclusions.rules import apply_rules, attention_check_failures, find_outlying_times
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable, build_trial_table
from analysis.trials import BoolArray, Trials

TIME_RULE = "response_time"  # the one rule that leaves out trials, not people
STEP_LABELS = {  # who or what is left after a rule
    "screened_out": "participants not screened out",
    "returned": "participants who did not return the task",
    "repeated": "first-time participants",
    "incomplete": "participants who finished",
    "attention_checks": "participants who passed the attention checks",
    "too_fast": "participants without too many fast answers",
    "side_bias": "participants without side bias",
    "alternation": "participants without alternating answers",
    "timing": "participants with few disturbed trials",
    TIME_RULE: "trials with a response time within limits",
}


@dataclass(frozen=True)
class FlowStep:
    """How many participants and trials are left after a step."""

    step: str
    participants: int
    trials: int


@dataclass(frozen=True)
class AnalysisSample:
    """What enters the rates, of P people.

    trials (n,): those that count. all_trials (m,): the answered test trials of all, by no rule.
    Of single images `fooled` is an error, and `real` is there as a method.
    is_included (m,): which of everybody's are counted; response_rows (m,): where they stand in what
    was taken.
    methods: every method of a fake put to the test, also one without a trial that counts.
    violations: rule -> (P,) who breaks it, in the order of the flow. is_outlying_time (m,): trials
    that
    break `response_time`. not_applicable: rule -> why. is_flagged (P,): failed too few attention
    checks to be excluded for it.
    """

    trials: Trials
    all_trials: Trials
    is_included: BoolArray
    response_rows: NDArray[np.int64]
    methods: list[str]
    flow: list[FlowStep]
    table: TrialTable
    measures: ParticipantMeasures
    rules: ExclusionRules
    violations: dict[str, BoolArray]
    is_outlying_time: BoolArray
    not_applicable: dict[str, str]
    is_flagged: BoolArray

    @property
    def is_excluded(self) -> BoolArray:
        """(P,): who breaks a rule."""
        return _violates_any(self.violations, self.violations)

    @property
    def applied_rules(self) -> list[str]:
        """The rules that apply here."""
        return [rule for rule in STEP_LABELS if rule not in self.not_applicable]

    def trials_under(self, rules: Collection[str]) -> Trials:
        """The trials that would count by these rules; `trials` itself where nothing changes."""
        is_included = _included_mask(self.all_trials, self.violations, self.is_outlying_time, rules)
        same = np.array_equal(is_included, self.is_included)
        return self.trials if same else self.all_trials.select(is_included)

    def leave_one_rule_out(self) -> Iterator[tuple[str, Trials]]:
        """(rule, trials that would count without it), of every rule that applies."""
        for rule in self.applied_rules:
            yield rule, self.trials_under([other for other in self.applied_rules if other != rule])

    def reasons_by_participant(self) -> dict[str, tuple[str, ...]]:
        """Participant -> the rules they break; () where they count."""
        participants = self.table.participants.tolist()
        reasons: dict[str, tuple[str, ...]] = dict.fromkeys(participants, ())
        for rule, broken in self.violations.items():
            for person in np.flatnonzero(broken).tolist():
                reasons[participants[person]] += (rule,)
        return reasons

    def co_occurrence(self) -> dict[str, dict[str, int]]:
        """Rule -> rule -> how many people break both; with itself: how many break it."""
        rules = {rule: broken for rule, broken in self.violations.items() if broken.any()}
        return {
            rule: {other: int((broken & also).sum()) for other, also in rules.items()}
            for rule, broken in rules.items()
        }

    def count_by_reason(self) -> dict[str, int]:
        """How many participants each rule leaves out, where it leaves out any."""
        return {rule: int(broken.sum()) for rule, broken in self.violations.items() if broken.any()}

    def count_by_only_reason(self) -> dict[str, int]:
        """Of these, how many would count but for that rule."""
        once = sum(broken.astype(np.int64) for broken in self.violations.values()) == 1
        return {rule: int((self.violations[rule] & once).sum()) for rule in self.count_by_reason()}


def apply_exclusions(
    all_responses: Responses, selected: Responses, rules: ExclusionRules | None = None
) -> AnalysisSample:
    """Sort out the trials of one study by the rules; None: the usual ones.

    all_responses: all that was read; selected: the study and mode to report on. Raises
    ResponsesError
    where the truth is blinded.
    """
    rules = rules or ExclusionRules()
    table = build_trial_table(selected)
    measures = measure_participants(table, rules.fast_ms or 0)
    rule_results = apply_rules(
        measures, rules, find_repeat_participants(all_responses, selected), table.is_single
    )
    is_answered_test = table.is_test & table.is_answered
    all_trials = _trials_of(table, is_answered_test)
    times = find_outlying_times(table.rt_ms[is_answered_test], rules)
    odd_times = np.zeros_like(all_trials.fooled) if isinstance(times, str) else times
    broken = {rule: who for rule, who in rule_results.items() if not isinstance(who, str)}
    is_included = _included_mask(all_trials, broken, odd_times, STEP_LABELS)
    return AnalysisSample(
        trials=all_trials.select(is_included),
        all_trials=all_trials,
        is_included=is_included,
        response_rows=table.response_row[is_answered_test],
        methods=table.tested_methods(),
        flow=[
            *_selection_steps(all_responses, selected, table),
            *_rule_steps(all_trials, broken, odd_times),
        ],
        table=table,
        measures=measures,
        rules=rules,
        violations=broken,
        is_outlying_time=odd_times,
        not_applicable={
            rule: why
            for rule, why in {**rule_results, TIME_RULE: times}.items()
            if isinstance(why, str)
        },
        is_flagged=attention_check_failures(measures, rules)
        & ~broken.get("attention_checks", np.False_),
    )


def _trials_of(table: TrialTable, counting: BoolArray) -> Trials:
    return Trials(
        fooled=table.is_wrong[counting],
        participant=table.participant[counting],
        image=table.image[counting],
        method=np.array(table.methods)[table.method[counting]],
        real_image=None if table.real_image is None else table.real_image[counting],
    )


def _included_mask(
    all_trials: Trials, broken: dict[str, BoolArray], odd_times: BoolArray, rules: Collection[str]
) -> BoolArray:
    """(m,): which trials count by these rules."""
    is_included = ~_violates_any(broken, rules)[all_trials.participant]
    return is_included & ~odd_times if TIME_RULE in rules else is_included


def _violates_any(broken: dict[str, BoolArray], rules: Collection[str]) -> BoolArray:
    """(P,): who breaks one of these rules; some rules always apply, so there is no empty case."""
    breaks_any: BoolArray = np.logical_or.reduce(
        [breaks_rule & (rule in rules) for rule, breaks_rule in broken.items()]
    )
    return breaks_any


def _selection_steps(
    all_responses: Responses, selected: Responses, table: TrialTable
) -> Iterator[FlowStep]:
    recorded = all_responses.select(all_responses.isin("study", selected.distinct("study")[0]))
    mode = selected.distinct("mode")[0]
    yield FlowStep("recorded in the study", len(recorded.distinct("participant")), len(recorded))
    yield FlowStep(f"mode {mode}", len(table.participants), len(selected))
    if table.duplicate_count:
        yield FlowStep("duplicate rows removed", len(table.participants), len(table))
    yield _build_step("test trials", table.participant[table.is_test])
    yield _build_step(
        "answered and not voided", table.participant[table.is_test & table.is_answered]
    )


def _rule_steps(
    all_trials: Trials, broken: dict[str, BoolArray], odd_times: BoolArray
) -> Iterator[FlowStep]:
    """One after the other, those that leave something out."""
    so_far: list[str] = []
    left = len(all_trials.fooled)
    for rule, step in STEP_LABELS.items():
        so_far.append(rule)
        participants = all_trials.participant[_included_mask(all_trials, broken, odd_times, so_far)]
        if len(participants) < left:
            yield _build_step(step, participants)
        left = len(participants)


def _build_step(step: str, participant: NDArray[np.int64]) -> FlowStep:
    return FlowStep(step, int(np.count_nonzero(np.bincount(participant))), len(participant))
