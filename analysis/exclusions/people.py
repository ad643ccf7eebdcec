"""The participants who are excluded, and the reasons."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from analysis.exclusions.person_measures import ParticipantMeasures
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import StrArray
from analysis.trials import BoolArray

TIME_RULE = "response_time"  # the only rule that excludes trials, not participants
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
class ExcludedPeople:
    """P participants, and the rules that they break.

    participants (P,): names in alphabetical order. violations: rule -> (P,), which participants
    break it, in the order of the flow. not_applicable: rule -> reason. is_flagged (P,):
    participants who failed their attention checks but are not excluded, because too few were
    planned.
    """

    participants: StrArray | pa.StringArray
    flow: list[FlowStep]
    measures: ParticipantMeasures
    rules: ExclusionRules
    violations: dict[str, BoolArray]
    not_applicable: dict[str, str]
    is_flagged: BoolArray

    @property
    def is_excluded(self) -> BoolArray:
        """Return (P,): whether each participant breaks any rule."""
        return violates_any(self.violations, self.violations)

    @property
    def applied_rules(self) -> list[str]:
        """Return the rules that apply to this study, in the order of the flow."""
        return [rule for rule in STEP_LABELS if rule not in self.not_applicable]

    def list_included(self) -> list[str]:
        """Return the names of the included participants."""
        names = pa.array(self.participants, pa.string()).filter(pa.array(~self.is_excluded))
        included: list[str] = names.to_pylist()
        return included

    def reasons_by_participant(self) -> dict[str, tuple[str, ...]]:
        """Return the rules that each participant breaks, () for included participants."""
        participants = pa.array(self.participants, pa.string()).to_pylist()
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


def violates_any(broken: dict[str, BoolArray], rules: Collection[str]) -> BoolArray:
    """Return (P,): whether each participant breaks one of these rules.

    Some rules always apply, so `broken` is never empty.
    """
    breaks_any: BoolArray = np.logical_or.reduce(
        [breaks_rule & (rule in rules) for rule, breaks_rule in broken.items()]
    )
    return breaks_any


def list_rule_steps(
    count_under: Callable[[Collection[str]], FlowStep], trials: int
) -> Iterator[FlowStep]:
    """Yield the steps of the rules that exclude something, applied one after the other.

    count_under: returns the participants and trials that these rules leave. trials: the number of
    trials without rules.
    """
    applied: list[str] = []
    for rule, step in STEP_LABELS.items():
        applied.append(rule)
        left = count_under(applied)
        if left.trials < trials:
            yield replace(left, step=step)
        trials = left.trials
