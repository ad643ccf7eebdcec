"""The rules by which people are left out, fixed before the data; none looks at the fooling rate.

Each rule says of P people who breaks it (P,), or why it does not apply here. After ITU-T P.808's
checks of crowd workers.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.exclusions.person_measures import Conduct
from analysis.inputs.design import ExclusionRules
from analysis.trials import BoolArray, FloatArray

Counts = NDArray[np.int64]
Verdict = BoolArray | str  # who breaks the rule, or why it does not apply

NO_RULE = "the plan leaves it out"
NO_TIMES = "there are no response times"
TRIALS_PER_ALLOWED_MISS = 5  # one in so many attention checks may be missed: 8 of 10 pass, 7 of 8


def judge(
    conduct: Conduct, rules: ExclusionRules, before: BoolArray | None, single: bool
) -> dict[str, Verdict]:
    """Every rule's verdict, in the order in which people are counted out.

    before (P,): who took part before, None where the input cannot tell. single: of single images.
    """
    return {
        "screened_out": conduct.outcome == "screened_out",
        "returned": conduct.outcome == "returned",
        "repeated": judge_repeated(before, rules),
        "incomplete": judge_incomplete(conduct, rules),
        "attention_checks": find_attention_check_failures(conduct, rules),
        "too_fast": judge_fast(conduct, rules),
        "side_bias": "single images have no side" if single else judge_side(conduct, rules),
        "alternation": judge_alternation(conduct, rules),
        "timing": judge_timing(conduct, rules),
    }


def judge_repeated(before: BoolArray | None, rules: ExclusionRules) -> Verdict:
    """Who took part in another study of this input before."""
    if rules.allow_repeated:
        return NO_RULE
    return "the input holds one study only" if before is None else before


def judge_incomplete(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Who answered less than `min_completed_fraction` of the planned trials.

    Who was screened out was not to go on, and has that reason alone.
    """
    if rules.min_completed_fraction is None:
        return NO_RULE
    if rules.planned_trials is None:
        few = np.not_equal(conduct.outcome, "complete")
    else:
        completed = conduct.completed / max(rules.planned_trials, 1)
        few = np.less(completed, rules.min_completed_fraction)
    return few & np.not_equal(conduct.outcome, "screened_out")


def find_attention_check_failures(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Who failed, where enough attention checks were planned for that to mean something."""
    if rules.attention_checks_min_correct == 0:
        return NO_RULE
    if not conduct.attention_checks_shown.any():
        return "there are no attention checks"
    planned = planned_attention_check_counts(conduct, rules)
    least = rules.attention_checks_min_planned or 0
    if (planned < least).all():
        return (
            f"{planned.max()} attention checks were planned; with fewer than {least} it only flags"
        )
    return attention_check_failures(conduct, rules) & (planned >= least)


def attention_check_failures(conduct: Conduct, rules: ExclusionRules) -> BoolArray:
    """(P,): who saw all of their attention checks and answered too few rightly."""
    return saw_all_attention_checks(conduct, rules) & (
        conduct.attention_checks_correct
        < required_attention_checks_correct(planned_attention_check_counts(conduct, rules), rules)
    )


def saw_all_attention_checks(conduct: Conduct, rules: ExclusionRules) -> BoolArray:
    """(P,): who saw all of their attention checks, and had any."""
    planned = planned_attention_check_counts(conduct, rules)
    return (planned > 0) & (conduct.attention_checks_shown >= planned)


def planned_attention_check_counts(conduct: Conduct, rules: ExclusionRules) -> Counts:
    """(P,): by the plan; without one, of who completed what they saw, and 0 of others."""
    if rules.attention_checks_planned is not None:
        return np.full(len(conduct.answers), rules.attention_checks_planned)
    return np.where(conduct.outcome == "complete", conduct.attention_checks_shown, 0)


def required_attention_checks_correct(planned: Counts, rules: ExclusionRules) -> Counts:
    """(P,): right answers to pass, of so many planned."""
    if rules.attention_checks_min_correct is not None:
        return np.full_like(planned, rules.attention_checks_min_correct)
    return planned - planned // TRIALS_PER_ALLOWED_MISS


def judge_fast(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Who answered faster than `fast_ms` too often to have looked."""
    if rules.fast_ms is None:
        return NO_RULE
    if np.isnan(conduct.fast).all():
        return NO_TIMES
    return _above(conduct.fast, rules.max_fast_fraction, conduct, rules)


def judge_side(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Who chose one side nearly always."""
    most = np.maximum(conduct.left, 1 - conduct.left)
    return _above(most, rules.side_max_fraction, conduct, rules)


def judge_alternation(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Who chose left and right in turn."""
    return _above(conduct.alternation, rules.alternation_max_fraction, conduct, rules)


def judge_timing(conduct: Conduct, rules: ExclusionRules) -> Verdict:
    """Whose trials were disturbed too often: hidden, blurred or resized window, late frames."""
    return _above(conduct.flagged, rules.flagged_max_fraction, conduct, rules)


def judge_times(rt_ms: FloatArray, rules: ExclusionRules) -> Verdict:
    """Of n trials, not of people: faster than `fast_ms` or slower than `slow_ms`."""
    if rules.fast_ms is None and rules.slow_ms is None:
        return NO_RULE
    if np.isnan(rt_ms).all():
        return NO_TIMES
    fastest = -np.inf if rules.fast_ms is None else rules.fast_ms
    slowest = np.inf if rules.slow_ms is None else rules.slow_ms
    return (rt_ms < fastest) | (rt_ms > slowest)


def _above(
    share: FloatArray, most: float | None, conduct: Conduct, rules: ExclusionRules
) -> Verdict:
    return (
        NO_RULE if most is None else (share > most) & (conduct.answers >= (rules.min_answers or 0))
    )
