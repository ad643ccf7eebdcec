"""Results of the attention checks, and the probability of passing them without attention."""

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
from analysis.trials import AnyTrials, Trials

# probability of a wrong answer
CARELESS_ERROR_RATES = {"coin_flipper": 0.5, "lapse_10": 0.1, "lapse_02": 0.02}


@dataclass(frozen=True)
class PassProbability:
    """The probability of passing for each of CARELESS_ERROR_RATES.

    `needed` of `planned` attention checks must be correct.
    """

    planned: int
    needed: int
    coin_flipper: float
    lapse_10: float
    lapse_02: float


@dataclass(frozen=True)
class AttentionCheckSummary:
    """The attention-check answers of all participants, excluded or not.

    rate: share of correct answers, with a 95% interval for new participants and new images; None
    without answers. saw_all: participants who saw all their attention checks. by_correct: how many
    of those gave each number of correct answers. pass_probability: None if these participants had
    different numbers of attention checks, or there are none.
    """

    answers: int
    correct: int
    rate: float | None
    ci95: Interval | None
    saw_all: int
    failed: int
    by_correct: dict[str, int]
    pass_probability: PassProbability | None


def summarize_attention_checks(
    trials: AnyTrials, measures: ParticipantMeasures, rules: ExclusionRules
) -> AttentionCheckSummary:
    """Summarize the attention checks of all participants; all counts are 0 if there are none.

    trials: the answered attention checks; `fooled` means correct.
    """
    correct_rate = estimate_rate(trials)
    saw_all = saw_all_attention_checks(measures, rules)
    planned = planned_attention_check_counts(measures, rules)[saw_all]
    needed = required_attention_checks_correct(planned, rules)
    correct = measures.attention_checks_correct[saw_all]
    values, participants = np.unique(correct, return_counts=True)
    alike = len(planned) > 0 and (planned == planned[0]).all()
    return AttentionCheckSummary(
        answers=correct_rate.trials,
        correct=correct_rate.fooled,
        rate=correct_rate.rate,
        ci95=correct_rate.ci95,
        saw_all=len(planned),
        failed=int((correct < needed).sum()),
        by_correct=dict(zip(map(str, values.tolist()), participants.tolist(), strict=True)),
        pass_probability=pass_probability(int(planned[0]), int(needed[0])) if alike else None,
    )


def list_attention_checks(table: TrialTable) -> Trials:
    """Return the answered attention checks, in which `fooled` means correct."""
    answered = table.is_attention_check & table.is_answered
    return Trials(
        fooled=~table.is_wrong[answered],
        participant=table.participant[answered],
        image=table.image[answered],
        method=np.array(table.methods)[table.method[answered]],
    )


def pass_probability(planned: int, needed: int) -> PassProbability:
    """Compute binomial pass probabilities for guessing and for occasional lapses of attention."""
    chances = {
        kind: float(special.bdtr(planned - needed, planned, wrong)) if needed <= planned else 0.0
        for kind, wrong in CARELESS_ERROR_RATES.items()
    }
    return PassProbability(planned, needed, **chances)
