"""Apply the exclusion rules to participants and trials, and count what each rule excludes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

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

Value = TypeVar("Value", bound=np.generic)

TIME_RULE = "response_time"  # the only rule that excludes trials, not participants
ANSWERED_STEP = "answered and not voided"
STEP_LABELS = {  # the participants or trials that remain after a rule
    "screened_out": "not screened out",
    "returned": "did not return the task",
    "repeated": "took part for the first time",
    "incomplete": "finished",
    "attention_checks": "passed the attention checks",
    "too_fast": "without too many fast answers",
    "side_bias": "without side bias",
    "alternation": "without alternating answers",
    "timing": "without too many disturbed trials",
    TIME_RULE: "response time within limits",
}


@dataclass(frozen=True)
class FlowStep:
    """The participants and trials that remain after a step."""

    step: str
    participants: int
    trials: int


@dataclass(frozen=True)
class AnalysisSample:
    """The analysis sample: the trials that enter the rates, and why the others do not.

    P participants. trials (n,): the included trials. all_trials (m,): every answered test trial,
    before exclusions. For single images `fooled` means an error, and `real` counts as a method.
    is_included (m,): which of all_trials are included. response_rows (m,): their rows in the
    selected responses. methods: every tested method, even without included trials.
    violations: rule -> (P,), which participants break it, in the order of the flow.
    is_outlying_time (m,): trials that break `response_time`. not_applicable: rule -> reason.
    is_flagged (P,): participants who failed their attention checks but are not excluded, because
    too few were planned.
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
        """Return (P,): whether each participant breaks any rule."""
        return _violates_any(self.violations, self.violations)

    @property
    def applied_rules(self) -> list[str]:
        """Return the rules that apply to this study, in the order of the flow."""
        return [rule for rule in STEP_LABELS if rule not in self.not_applicable]

    def select_included(self, values: NDArray[Value]) -> NDArray[Value]:
        """Select the values of the included trials from those of all trials of the table."""
        return values[self.table.is_test & self.table.is_answered][self.is_included]

    def trials_under(self, rules: Collection[str]) -> Trials:
        """Return the trials included under these rules; `trials` itself if nothing changes."""
        is_included = _included_mask(self.all_trials, self.violations, self.is_outlying_time, rules)
        same = np.array_equal(is_included, self.is_included)
        return self.trials if same else self.all_trials.select(is_included)

    def leave_one_rule_out(self) -> Iterator[tuple[str, Trials]]:
        """Yield (rule, the trials included without it) for every rule that applies."""
        for rule in self.applied_rules:
            yield rule, self.trials_under([other for other in self.applied_rules if other != rule])

    def reasons_by_participant(self) -> dict[str, tuple[str, ...]]:
        """Return the rules that each participant breaks, () for included participants."""
        participants = self.table.participants.tolist()
        reasons: dict[str, tuple[str, ...]] = dict.fromkeys(participants, ())
        for rule, broken in self.violations.items():
            for person in np.flatnonzero(broken).tolist():
                reasons[participants[person]] += (rule,)
        return reasons

    def co_occurrence(self) -> dict[str, dict[str, int]]:
        """Count the participants who break both of two rules, as rule -> rule -> count.

        The diagonal counts the participants who break a rule.
        """
        rules = {rule: broken for rule, broken in self.violations.items() if broken.any()}
        return {
            rule: {other: int((broken & also).sum()) for other, also in rules.items()}
            for rule, broken in rules.items()
        }

    def count_by_reason(self) -> dict[str, int]:
        """Count the participants that each rule excludes; rules that exclude none are omitted."""
        return {rule: int(broken.sum()) for rule, broken in self.violations.items() if broken.any()}

    def count_by_only_reason(self) -> dict[str, int]:
        """Count the participants that each of these rules alone excludes."""
        once = sum(broken.astype(np.int64) for broken in self.violations.values()) == 1
        return {rule: int((self.violations[rule] & once).sum()) for rule in self.count_by_reason()}


def apply_exclusions(
    all_responses: Responses,
    selected: Responses,
    rules: ExclusionRules | None = None,
    table: TrialTable | None = None,
) -> AnalysisSample:
    """Build the analysis sample of one study.

    all_responses: the whole input; selected: the study and mode to report on. rules: None for the
    defaults. table: the trials of the selection, if they cannot be built from the responses alone.
    Raises ResponsesError if the input is blinded.
    """
    rules = rules or ExclusionRules()
    table = table or build_trial_table(selected)
    measures = measure_participants(table, rules.fast_ms or 0)
    rule_results = apply_rules(
        measures, rules, find_repeat_participants(all_responses, selected), table.is_single
    )
    is_answered_test = table.is_test & table.is_answered
    all_trials = _trials_of(table, is_answered_test)
    times = find_outlying_times(table.rt_ms[is_answered_test], rules)
    is_outlying_time = np.zeros_like(all_trials.fooled) if isinstance(times, str) else times
    broken = {rule: who for rule, who in rule_results.items() if not isinstance(who, str)}
    is_included = _included_mask(all_trials, broken, is_outlying_time, STEP_LABELS)
    return AnalysisSample(
        trials=all_trials.select(is_included),
        all_trials=all_trials,
        is_included=is_included,
        response_rows=table.response_row[is_answered_test],
        methods=table.tested_methods(),
        flow=[
            *_selection_steps(all_responses, selected, table),
            *_rule_steps(all_trials, broken, is_outlying_time),
        ],
        table=table,
        measures=measures,
        rules=rules,
        violations=broken,
        is_outlying_time=is_outlying_time,
        not_applicable={
            rule: why
            for rule, why in {**rule_results, TIME_RULE: times}.items()
            if isinstance(why, str)
        },
        is_flagged=attention_check_failures(measures, rules)
        & ~broken.get("attention_checks", np.False_),
    )


def _trials_of(table: TrialTable, is_chosen: BoolArray) -> Trials:
    return Trials(
        fooled=table.is_wrong[is_chosen],
        participant=table.participant[is_chosen],
        image=table.image[is_chosen],
        method=np.array(table.methods)[table.method[is_chosen]],
        real_image=None if table.real_image is None else table.real_image[is_chosen],
    )


def _included_mask(
    all_trials: Trials,
    broken: dict[str, BoolArray],
    is_outlying_time: BoolArray,
    rules: Collection[str],
) -> BoolArray:
    """Return (m,): whether each trial is included under these rules."""
    is_included = ~_violates_any(broken, rules)[all_trials.participant]
    return is_included & ~is_outlying_time if TIME_RULE in rules else is_included


def _violates_any(broken: dict[str, BoolArray], rules: Collection[str]) -> BoolArray:
    """Return (P,): whether each participant breaks one of these rules.

    Some rules always apply, so `broken` is never empty.
    """
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
    yield FlowStep(f"{mode} participants only", len(table.participants), len(selected))
    yield _build_step("test trials", table.participant[table.is_test])
    yield _build_step(ANSWERED_STEP, table.participant[table.is_test & table.is_answered])


def _rule_steps(
    all_trials: Trials, broken: dict[str, BoolArray], is_outlying_time: BoolArray
) -> Iterator[FlowStep]:
    """Yield the steps of the rules that exclude something, applied one after the other."""
    applied: list[str] = []
    remaining = len(all_trials.fooled)
    for rule, step in STEP_LABELS.items():
        applied.append(rule)
        participants = all_trials.participant[
            _included_mask(all_trials, broken, is_outlying_time, applied)
        ]
        if len(participants) < remaining:
            yield _build_step(step, participants)
        remaining = len(participants)


def _build_step(step: str, participant: NDArray[np.int64]) -> FlowStep:
    return FlowStep(step, int(np.count_nonzero(np.bincount(participant))), len(participant))
