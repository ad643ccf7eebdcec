"""Which people and which trials enter a rate, and the count of what stays out and why."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.person_measures import Conduct, observe_conduct, took_part_before
from analysis.exclusions.rules import attention_check_failures, judge, judge_times
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable, build_trial_table
from analysis.trials import BoolArray, Trials

ODD_TIMES = "response_time"  # the one rule that leaves out trials, not people
LEFT = {  # who or what is left after a rule
    "screened_out": "by people not screened out",
    "returned": "by people who kept the task",
    "repeated": "by people there for the first time",
    "incomplete": "by people who completed",
    "attention_checks": "by people who passed the attention checks",
    "too_fast": "by people who took their time",
    "side_bias": "by people who used both sides",
    "alternation": "by people who did not answer in turn",
    "timing": "by people who were rarely disturbed",
    ODD_TIMES: "neither too fast nor too slow",
}


@dataclass(frozen=True)
class Step:
    """How many participants and trials are left after a step."""

    step: str
    participants: int
    trials: int


@dataclass(frozen=True)
class Counted:
    """What enters the rates, of P people.

    trials (n,): those that count. everybody (m,): the answered test trials of all, by no rule.
    Of single images `fooled` is an error, and `real` is there as a method.
    kept (m,): which of everybody's are counted; rows (m,): where they stand in what was taken.
    methods: every method of a fake put to the test, also one without a trial that counts.
    broken: rule -> (P,) who breaks it, in the order of the flow. odd_times (m,): trials that
    break `response_time`. not_applicable: rule -> why. flagged (P,): failed too few attention
    checks to be excluded for it.
    """

    trials: Trials
    everybody: Trials
    kept: BoolArray
    rows: NDArray[np.int64]
    methods: list[str]
    flow: list[Step]
    record: TrialTable
    conduct: Conduct
    rules: ExclusionRules
    broken: dict[str, BoolArray]
    odd_times: BoolArray
    not_applicable: dict[str, str]
    flagged: BoolArray

    @property
    def excluded(self) -> BoolArray:
        """(P,): who breaks a rule."""
        return _any(self.broken, self.broken)

    @property
    def applied(self) -> list[str]:
        """The rules that apply here."""
        return [rule for rule in LEFT if rule not in self.not_applicable]

    def under(self, rules: Collection[str]) -> Trials:
        """The trials that would count by these rules; `trials` itself where nothing changes."""
        kept = _keep(self.everybody, self.broken, self.odd_times, rules)
        same = np.array_equal(kept, self.kept)
        return self.trials if same else self.everybody.select(kept)

    def leave_one_rule_out(self) -> Iterator[tuple[str, Trials]]:
        """(rule, trials that would count without it), of every rule that applies."""
        for rule in self.applied:
            yield rule, self.under([other for other in self.applied if other != rule])

    def reasons(self) -> dict[str, tuple[str, ...]]:
        """Participant -> the rules they break; () where they count."""
        people = self.record.participants.tolist()
        reasons: dict[str, tuple[str, ...]] = dict.fromkeys(people, ())
        for rule, broken in self.broken.items():
            for person in np.flatnonzero(broken).tolist():
                reasons[people[person]] += (rule,)
        return reasons

    def co_occurrence(self) -> dict[str, dict[str, int]]:
        """Rule -> rule -> how many people break both; with itself: how many break it."""
        rules = {rule: broken for rule, broken in self.broken.items() if broken.any()}
        return {
            rule: {other: int((broken & also).sum()) for other, also in rules.items()}
            for rule, broken in rules.items()
        }

    def by_reason(self) -> dict[str, int]:
        """How many participants each rule leaves out, where it leaves out any."""
        return {rule: int(broken.sum()) for rule, broken in self.broken.items() if broken.any()}

    def only_reason(self) -> dict[str, int]:
        """Of these, how many would count but for that rule."""
        once = sum(broken.astype(np.int64) for broken in self.broken.values()) == 1
        return {rule: int((self.broken[rule] & once).sum()) for rule in self.by_reason()}


def count_trials(
    responses: Responses, taken: Responses, rules: ExclusionRules | None = None
) -> Counted:
    """Sort out the trials of one study by the rules; None: the usual ones.

    responses: all that was read; taken: the study and mode to report on. Raises ResponsesError
    where the truth is blinded.
    """
    rules = rules or ExclusionRules()
    record = build_trial_table(taken)
    conduct = observe_conduct(record, rules.fast_ms or 0)
    verdicts = judge(conduct, rules, took_part_before(responses, taken), record.is_single)
    counting = record.is_test & record.is_answered
    everybody = _encode(record, counting)
    times = judge_times(record.rt_ms[counting], rules)
    odd_times = np.zeros_like(everybody.fooled) if isinstance(times, str) else times
    broken = {rule: who for rule, who in verdicts.items() if not isinstance(who, str)}
    kept = _keep(everybody, broken, odd_times, LEFT)
    return Counted(
        trials=everybody.select(kept),
        everybody=everybody,
        kept=kept,
        rows=record.response_row[counting],
        methods=record.tested_methods(),
        flow=[
            *_record_steps(responses, taken, record),
            *_rule_steps(everybody, broken, odd_times),
        ],
        record=record,
        conduct=conduct,
        rules=rules,
        broken=broken,
        odd_times=odd_times,
        not_applicable={
            rule: why
            for rule, why in {**verdicts, ODD_TIMES: times}.items()
            if isinstance(why, str)
        },
        flagged=attention_check_failures(conduct, rules)
        & ~broken.get("attention_checks", np.False_),
    )


def _encode(record: TrialTable, counting: BoolArray) -> Trials:
    return Trials(
        fooled=record.is_wrong[counting],
        participant=record.participant[counting],
        image=record.image[counting],
        method=np.array(record.methods)[record.method[counting]],
        real_image=None if record.real_image is None else record.real_image[counting],
    )


def _keep(
    everybody: Trials, broken: dict[str, BoolArray], odd_times: BoolArray, rules: Collection[str]
) -> BoolArray:
    """(m,): which trials count by these rules."""
    kept = ~_any(broken, rules)[everybody.participant]
    return kept & ~odd_times if ODD_TIMES in rules else kept


def _any(broken: dict[str, BoolArray], rules: Collection[str]) -> BoolArray:
    """(P,): who breaks one of these rules; some rules always apply, so there is no empty case."""
    found: BoolArray = np.logical_or.reduce([who & (rule in rules) for rule, who in broken.items()])
    return found


def _record_steps(responses: Responses, taken: Responses, record: TrialTable) -> Iterator[Step]:
    recorded = responses.select(responses.isin("study", taken.distinct("study")[0]))
    mode = taken.distinct("mode")[0]
    yield Step("recorded in the study", len(recorded.distinct("participant")), len(recorded))
    yield Step(f"mode {mode}", len(record.participants), len(taken))
    if record.duplicate_count:
        yield Step("each trial once", len(record.participants), len(record))
    yield _step("test trials", record.participant[record.is_test])
    yield _step("answered and not voided", record.participant[record.is_test & record.is_answered])


def _rule_steps(
    everybody: Trials, broken: dict[str, BoolArray], odd_times: BoolArray
) -> Iterator[Step]:
    """One after the other, those that leave something out."""
    so_far: list[str] = []
    left = len(everybody.fooled)
    for rule, step in LEFT.items():
        so_far.append(rule)
        kept = everybody.participant[_keep(everybody, broken, odd_times, so_far)]
        if len(kept) < left:
            yield _step(step, kept)
        left = len(kept)


def _step(step: str, participant: NDArray[np.int64]) -> Step:
    return Step(step, int(np.count_nonzero(np.bincount(participant))), len(participant))
