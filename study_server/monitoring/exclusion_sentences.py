"""Why a participant would be excluded so far, in a sentence with the numbers for each rule."""

from study_server.counts import format_count
from study_server.studies.design import PlannedExclusions
from study_server.studies.exclusion_counts import ParticipantSummary
from study_server.studies.exclusion_rules import required_attention_checks_correct


def explain_exclusions(person: ParticipantSummary, rules: PlannedExclusions) -> list[str]:
    """Return a sentence for each exclusion rule that applies so far."""
    sentences = {
        "screened_out": "The participant was screened out before the test trials.",
        "returned": "The participant returned the task on the platform.",
        "repeated": "The same person took part in a linked study before.",
        "incomplete": _explain_incomplete(person, rules),
        "attention_checks": _explain_attention_checks(person, rules),
        "too_fast": f"{_of_answers(person, person.fast_answers)} took less than "
        f"{rules.fast_ms:g} ms; at most {rules.max_fast_fraction:.0%} may.",
        "side_bias": f"{_of_answers(person, max(person.left_answers, person.right_answers))} "
        f"chose the same side; at most {rules.side_max_fraction:.0%} may.",
        "alternation": f"{person.alternations} of {person.answered_trials - 1} answers differ from "
        f"the one before; at most {rules.alternation_max_fraction:.0%} may.",
        "timing": f"{_of_answers(person, person.disturbed_trials)} were given in disturbed trials; "
        f"at most {rules.flagged_max_fraction:.0%} may.",
    }
    return [sentences[reason] for reason in person.reasons]


def _of_answers(person: ParticipantSummary, part: int) -> str:
    return f"{part} of {format_count(person.answered_trials, 'answer', 'answers')}"


def _explain_incomplete(person: ParticipantSummary, rules: PlannedExclusions) -> str:
    return (
        f"{person.completed_trials} of {rules.planned_trials} planned trials were answered; at "
        f"least {rules.min_completed_fraction:.0%} must be."
    )


def _explain_attention_checks(person: ParticipantSummary, rules: PlannedExclusions) -> str:
    planned = person.attention_checks_planned
    needed = required_attention_checks_correct(rules, planned)
    return (
        f"{person.attention_checks_correct} of {planned} attention checks were answered "
        f"correctly; at least {needed} must be."
    )
