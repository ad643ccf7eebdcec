"""A ranking of the candidates."""

from analysis.tasks.comparisons import ESTIMATE_TITLES, describe, is_check_passed, list_interim

LABEL = "Ranking"
TITLE = "How are the methods ranked?"
ANSWER = "ranked them from best to worst"
STRENGTHS = (
    "the Plackett–Luce model (Luce, 1959; Plackett, 1975): the best of all, the best of the "
    "others, and so on"
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
