"""Preference: the best of the candidates."""

from analysis.tasks.comparisons import ESTIMATE_TITLES, describe, is_check_passed, list_interim

LABEL = "Preference"
TITLE = "Which method is preferred?"
ANSWER = "chose the one they preferred"
STRENGTHS = (
    "the choice model of Luce (1959), in which candidates are chosen in proportion to the "
    "exponentials of their strengths"
)

__all__ = (
    "ANSWER",
    "ESTIMATE_TITLES",
    "LABEL",
    "STRENGTHS",
    "TITLE",
    "describe",
    "is_check_passed",
    "list_interim",
)
