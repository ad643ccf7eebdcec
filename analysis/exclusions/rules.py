"""The rules by which people are left out, fixed before the data; none looks at the fooling rate.

Each rule says of P people who breaks it (P,), or why it does not apply here. After ITU-T P.808's
checks of crowd workers.
"""

import numpy as np

from analysis.exclusions.person_measures import ParticipantMeasures
from analysis.inputs.design import ExclusionRules
from analysis.trials import BoolArray, FloatArray, IntArray

RuleResult = BoolArray | str  # who breaks the rule, or why it does not apply

NO_RULE_REASON = "not part of the plan"
NO_TIMES_REASON = "the data have no response times"
TRIALS_PER_ALLOWED_MISS = 5  # one in so many attention checks may be missed: 8 of 10 pass, 7 of 8


def apply_rules(
    measures: ParticipantMeasures,
    rules: ExclusionRules,
    took_part_before: BoolArray | None,
    is_single: bool,
) -> dict[str, RuleResult]:
    """Every rule's verdict, in the order in which people are counted out.

    took_part_before (P,): who took part before, None where the input cannot tell. is_single: of
    single images.
    """
    return {
        "screened_out": measures.outcomes == "screened_out",
        "returned": measures.outcomes == "returned",
        "repeated": find_repeated(took_part_before, rules),
        "incomplete": find_incomplete(measures, rules),
        "attention_checks": find_attention_check_failures(measures, rules),
        "too_fast": find_too_fast(measures, rules),
        "side_bias": (
            "single images have no sides" if is_single else find_side_biased(measures, rules)
        ),
        "alternation": find_alternating(measures, rules),
        "timing": find_often_disturbed(measures, rules),
    }


def find_repeated(took_part_before: BoolArray | None, rules: ExclusionRules) -> RuleResult:
    """Who took part in another study of this input before."""
    if rules.allow_repeated:
        return NO_RULE_REASON
    return "the input contains only one study" if took_part_before is None else took_part_before


def find_incomplete(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Who answered less than `min_completed_fraction` of the planned trials.

    Who was screened out was not to go on, and has that reason alone.
    """
    if rules.min_completed_fraction is None:
        return NO_RULE_REASON
    if rules.planned_trials is None:
        few = np.not_equal(measures.outcomes, "complete")
    else:
        completed = measures.completed_trials / max(rules.planned_trials, 1)
        few = np.less(completed, rules.min_completed_fraction)
    return few & np.not_equal(measures.outcomes, "screened_out")


def find_attention_check_failures(
    measures: ParticipantMeasures, rules: ExclusionRules
) -> RuleResult:
    """Who failed, where enough attention checks were planned for that to mean something."""
    if rules.attention_checks_min_correct == 0:
        return NO_RULE_REASON
    if not measures.attention_checks_shown.any():
        return "the study has no attention checks"
    planned = planned_attention_check_counts(measures, rules)
    least = rules.attention_checks_min_planned or 0
    if (planned < least).all():
        return (
            f"only {planned.max()} attention checks were planned; with fewer than {least}, "
            "failures are flagged but nobody is excluded"
        )
    return attention_check_failures(measures, rules) & (planned >= least)


def attention_check_failures(measures: ParticipantMeasures, rules: ExclusionRules) -> BoolArray:
    """(P,): who saw all of their attention checks and answered too few rightly."""
    return saw_all_attention_checks(measures, rules) & (
        measures.attention_checks_correct
        < required_attention_checks_correct(planned_attention_check_counts(measures, rules), rules)
    )


def saw_all_attention_checks(measures: ParticipantMeasures, rules: ExclusionRules) -> BoolArray:
    """(P,): who saw all of their attention checks, and had any."""
    planned = planned_attention_check_counts(measures, rules)
    return (planned > 0) & (measures.attention_checks_shown >= planned)


def planned_attention_check_counts(
    measures: ParticipantMeasures, rules: ExclusionRules
) -> IntArray:
    """(P,): by the plan; without one, of who completed what they saw, and 0 of others."""
    if rules.attention_checks_planned is not None:
        return np.full(len(measures.answered_trials), rules.attention_checks_planned)
    return np.where(measures.outcomes == "complete", measures.attention_checks_shown, 0)


def required_attention_checks_correct(planned: IntArray, rules: ExclusionRules) -> IntArray:
    """(P,): right answers to pass, of so many planned."""
    if rules.attention_checks_min_correct is not None:
        return np.full_like(planned, rules.attention_checks_min_correct)
    return planned - planned // TRIALS_PER_ALLOWED_MISS


def find_too_fast(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Who answered faster than `fast_ms` too often to have looked."""
    if rules.fast_ms is None:
        return NO_RULE_REASON
    if np.isnan(measures.fast_share).all():
        return NO_TIMES_REASON
    return _exceeds_share(measures.fast_share, rules.max_fast_fraction, measures, rules)


def find_side_biased(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Who chose one side nearly always."""
    larger_side_share = np.maximum(measures.left_share, 1 - measures.left_share)
    return _exceeds_share(larger_side_share, rules.side_max_fraction, measures, rules)


def find_alternating(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Who chose left and right in turn."""
    return _exceeds_share(
        measures.alternation_share, rules.alternation_max_fraction, measures, rules
    )


def find_often_disturbed(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Whose trials were disturbed too often: hidden, blurred or resized window, late frames."""
    return _exceeds_share(measures.disturbed_share, rules.flagged_max_fraction, measures, rules)


def find_outlying_times(rt_ms: FloatArray, rules: ExclusionRules) -> RuleResult:
    """Of n trials, not of people: faster than `fast_ms` or slower than `slow_ms`."""
    if rules.fast_ms is None and rules.slow_ms is None:
        return NO_RULE_REASON
    if np.isnan(rt_ms).all():
        return NO_TIMES_REASON
    fastest = -np.inf if rules.fast_ms is None else rules.fast_ms
    slowest = np.inf if rules.slow_ms is None else rules.slow_ms
    return (rt_ms < fastest) | (rt_ms > slowest)


def _exceeds_share(
    share: FloatArray, max_share: float | None, measures: ParticipantMeasures, rules: ExclusionRules
) -> RuleResult:
    return (
        NO_RULE_REASON
        if max_share is None
        else (share > max_share) & (measures.answered_trials >= (rules.min_answers or 0))
    )
