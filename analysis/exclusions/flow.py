"""Apply the exclusion rules to participants and trials, and count what each rule excludes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.people import (
    STEP_LABELS,
    TIME_RULE,
    ExcludedPeople,
    FlowStep,
    list_rule_steps,
    violates_any,
)
from analysis.exclusions.person_measures import (
    find_repeat_participants,
    measure_participants,
)
from analysis.exclusions.rules import apply_rules, attention_check_failures, find_outlying_times
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable, build_trial_table
from analysis.trials import BoolArray, Trials

Value = TypeVar("Value", bound=np.generic)

ANSWERED_STEP = "answered and not voided"


@dataclass(frozen=True, kw_only=True)
class AnalysisSample(ExcludedPeople):
    """The analysis sample: the trials that enter the rates, and why the others do not.

    P participants. trials (n,): the included trials. all_trials (m,): every answered test trial,
    before exclusions. For single images `fooled` means an error, and `real` counts as a method.
    is_included (m,): which of all_trials are included. response_rows (m,): their rows in the
    selected responses. methods: every tested method, even without included trials.
    is_outlying_time (m,): trials that break `response_time`.
    """

    trials: Trials
    all_trials: Trials
    is_included: BoolArray
    response_rows: NDArray[np.int64]
    methods: list[str]
    table: TrialTable
    is_outlying_time: BoolArray

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
        participants=table.participants,
        trials=all_trials.select(is_included),
        all_trials=all_trials,
        is_included=is_included,
        response_rows=table.response_row[is_answered_test],
        methods=table.tested_methods(),
        flow=[
            *_selection_steps(all_responses, selected, table),
            *list_rule_steps(
                lambda rules: _build_step(
                    "",
                    all_trials.participant[
                        _included_mask(all_trials, broken, is_outlying_time, rules)
                    ],
                ),
                len(all_trials.fooled),
            ),
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
    is_included = ~violates_any(broken, rules)[all_trials.participant]
    return is_included & ~is_outlying_time if TIME_RULE in rules else is_included


def _selection_steps(
    all_responses: Responses, selected: Responses, table: TrialTable
) -> Iterator[FlowStep]:
    recorded = all_responses.select(all_responses.isin("study", selected.distinct("study")[0]))
    mode = selected.distinct("mode")[0]
    yield FlowStep("recorded in the study", len(recorded.distinct("participant")), len(recorded))
    yield FlowStep(f"{mode} participants only", len(table.participants), len(selected))
    yield _build_step("test trials", table.participant[table.is_test])
    yield _build_step(ANSWERED_STEP, table.participant[table.is_test & table.is_answered])


def _build_step(step: str, participant: NDArray[np.int64]) -> FlowStep:
    return FlowStep(step, int(np.count_nonzero(np.bincount(participant))), len(participant))
