"""The exclusion rules, fixed before data collection. None uses the fooling rate.

For P participants, each rule returns (P,), whether each one breaks it, or the reason why it does
not apply. The rules follow the checks of crowd workers in ITU-T P.808.
"""

import numpy as np

from analysis.exclusions.person_measures import ParticipantMeasures
from analysis.inputs.design import ExclusionRules
from analysis.trials import BoolArray, FloatArray, IntArray

RuleResult = BoolArray | str  # (P,) of violations, or why the rule does not apply

NO_RULE_REASON = "not part of the plan"
NO_TIMES_REASON = "the data have no response times"
TRIALS_PER_ALLOWED_MISS = 5  # one miss per 5 attention checks is allowed: 8 of 10 pass, 7 of 8


def apply_rules(
    measures: ParticipantMeasures,
    rules: ExclusionRules,
    took_part_before: RuleResult,
    is_single: bool,
) -> dict[str, RuleResult]:
    """Return the result of every rule, in the order in which exclusions are counted.

    took_part_before (P,): whether each participant took part in another study before, or why that
    is unknown. is_single: whether the study shows single images.
    """
    return {
        "screened_out": measures.outcomes == "screened_out",
        "returned": measures.outcomes == "returned",
        "repeated": find_repeated(took_part_before, rules),
        "incomplete": find_incomplete(measures, rules),
        "attention_checks": find_attention_check_failures(measures, rules),
        "too_fast": find_too_fast(measures, rules),
        "side_bias": (
            "only pairs of images have sides" if is_single else find_side_biased(measures, rules)
        ),
        "alternation": find_alternating(measures, rules),
        "timing": find_often_disturbed(measures, rules),
    }


def find_repeated(took_part_before: RuleResult, rules: ExclusionRules) -> RuleResult:
    """Find participants who took part in another study of this input before."""
    return NO_RULE_REASON if rules.allow_repeated else took_part_before


def find_incomplete(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Find participants who answered less than `min_completed_fraction` of their planned trials.

    Screened-out participants could not continue, so they only get that reason.
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
    """Find participants who failed their attention checks, if enough were planned to exclude."""
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
    """Return (P,): who saw all their attention checks and answered too few correctly."""
    return saw_all_attention_checks(measures, rules) & (
        measures.attention_checks_correct
        < required_attention_checks_correct(planned_attention_check_counts(measures, rules), rules)
    )


def saw_all_attention_checks(measures: ParticipantMeasures, rules: ExclusionRules) -> BoolArray:
    """Return (P,): who saw all their attention checks, at least one."""
    planned = planned_attention_check_counts(measures, rules)
    return (planned > 0) & (measures.attention_checks_shown >= planned)


def planned_attention_check_counts(
    measures: ParticipantMeasures, rules: ExclusionRules
) -> IntArray:
    """Return (P,): the number of planned attention checks.

    Without a plan, it is the number shown for participants who finished, and 0 for the others.
    """
    if rules.attention_checks_planned is not None:
        return np.full(len(measures.answered_trials), rules.attention_checks_planned)
    return np.where(measures.outcomes == "complete", measures.attention_checks_shown, 0)


def required_attention_checks_correct(planned: IntArray, rules: ExclusionRules) -> IntArray:
    """Return (P,): the correct answers needed to pass, given the planned numbers (P,)."""
    if rules.attention_checks_min_correct is not None:
        return np.full_like(planned, rules.attention_checks_min_correct)
    return planned - planned // TRIALS_PER_ALLOWED_MISS


def find_too_fast(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Find participants with too large a share of answers faster than `fast_ms`."""
    if rules.fast_ms is None:
        return NO_RULE_REASON
    if np.isnan(measures.fast_share).all():
        return NO_TIMES_REASON
    return _exceeds_share(measures.fast_share, rules.max_fast_fraction, measures, rules)


def find_side_biased(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Find participants who almost always chose the same side."""
    larger_side_share = np.maximum(measures.left_share, 1 - measures.left_share)
    return _exceeds_share(larger_side_share, rules.side_max_fraction, measures, rules)


def find_alternating(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Find participants who alternated between the two answers."""
    return _exceeds_share(
        measures.alternation_share, rules.alternation_max_fraction, measures, rules
    )


def find_often_disturbed(measures: ParticipantMeasures, rules: ExclusionRules) -> RuleResult:
    """Find participants with too many disturbed trials.

    A trial is disturbed if the window was hidden, blurred or resized, or a frame was late.
    """
    return _exceeds_share(measures.disturbed_share, rules.flagged_max_fraction, measures, rules)


def find_outlying_times(rt_ms: FloatArray, rules: ExclusionRules) -> RuleResult:
    """Find outlying response times among n trials: below `fast_ms` or above `slow_ms`.

    Unlike the other rules, this one returns (n,), a value for each trial.
    """
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
