"""How people did on the trials that whoever looks gets right, and what passing them proves."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.exclusions.person_measures import ParticipantMeasures
from analysis.exclusions.rules import (
    planned_attention_check_counts,
    required_attention_checks_correct,
    saw_all_attention_checks,
)
from analysis.inference.intervals import Interval
from analysis.inference.rates import estimate_rate
from analysis.inputs.design import ExclusionRules
from analysis.inputs.trial_table import TrialTable
from analysis.trials import Trials

CARELESS = {"coin_flipper": 0.5, "lapse_10": 0.1, "lapse_02": 0.02}  # chance of a wrong answer


@dataclass(frozen=True)
class Pass:
    """How likely each of CARELESS passes, where `needed` of `planned` must be right."""

    planned: int
    needed: int
    coin_flipper: float
    lapse_10: float
    lapse_02: float


@dataclass(frozen=True)
class AttentionCheckSummary:
    """Of everybody, whatever keeps them out.

    rate: of the `answers`, those that were right; ci95: for new people and new images; None of
    nothing. saw_all: people who saw all of theirs; by_correct: of these, right answers -> people.
    passing: None where people's numbers of trials differ, or nobody saw all.
    """

    answers: int
    correct: int
    rate: float | None
    ci95: Interval | None
    saw_all: int
    failed: int
    by_correct: dict[str, int]
    passing: Pass | None


def summarize_attention_checks(
    record: TrialTable, conduct: ParticipantMeasures, rules: ExclusionRules
) -> AttentionCheckSummary:
    """The attention checks of everybody; `AttentionCheckSummary` of zeros where there are none."""
    answered = record.is_attention_check & record.is_answered
    right = estimate_rate(
        Trials(
            fooled=~record.is_wrong[answered],
            participant=record.participant[answered],
            image=record.image[answered],
            method=np.array(record.methods)[record.method[answered]],
        )
    )
    saw_all = saw_all_attention_checks(conduct, rules)
    planned = planned_attention_check_counts(conduct, rules)[saw_all]
    needed = required_attention_checks_correct(planned, rules)
    correct = conduct.attention_checks_correct[saw_all]
    values, people = np.unique(correct, return_counts=True)
    alike = len(planned) > 0 and (planned == planned[0]).all()
    return AttentionCheckSummary(
        answers=right.trials,
        correct=right.fooled,
        rate=right.rate,
        ci95=right.ci95,
        saw_all=len(planned),
        failed=int((correct < needed).sum()),
        by_correct=dict(zip(map(str, values.tolist()), people.tolist(), strict=True)),
        passing=chance_to_pass(int(planned[0]), int(needed[0])) if alike else None,
    )


def chance_to_pass(planned: int, needed: int) -> Pass:
    """Binomial: a coin-flipper gets half right, others miss by lapses of attention only."""
    chances = {
        who: float(special.bdtr(planned - needed, planned, wrong)) if needed <= planned else 0.0
        for who, wrong in CARELESS.items()
    }
    return Pass(planned, needed, **chances)
