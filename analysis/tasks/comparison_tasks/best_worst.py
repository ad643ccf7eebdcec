"""Best and worst of the candidates."""

from analysis.tasks.comparisons import ESTIMATE_TITLES, describe, is_check_passed, list_interim

LABEL = "Best and worst"
TITLE = "Which method is best, and which is worst?"
ANSWER = "chose the best and the worst one"
STRENGTHS = (
    "sequential best–worst choice (Marley & Louviere, 2005): the best of all, then the worst of "
    "the others, each as in Luce (1959)"
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
