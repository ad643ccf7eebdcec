"""Preference: choose the best of several candidates, or call them equal.

The chosen candidate has rank 1 and all others rank 2; in a tie, all have rank 1.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from study_server.tasks import comparisons
from study_server.tasks.answers import AnswerBody, WholeNumber, read_answer, require_slot
from study_server.tasks.comparisons import choose_methods as choose_methods
from study_server.tasks.comparisons import count_images as count_images
from study_server.tasks.comparisons import passes_attention_check as passes_attention_check
from study_server.tasks.task import (
    InvalidAnswerError,
    Judgment,
    SimulatedPerson,
    TaskSettings,
    WireAnswer,
)
from study_server.tasks.without_truth import give_feedback as give_feedback
from study_server.tasks.without_truth import is_correct as is_correct

HAS_TRUTH = False
CHOICE_SCALE = comparisons.RANK
BUTTONS: Mapping[str, str] = {}
LEAST, MOST = 2, 6
TIE_THRESHOLD = 0.3  # simulated people call images equal whose noisy qualities differ by less


class Choice(AnswerBody):
    """The answer: the slot of the best candidate, or tie."""

    choice: WholeNumber | Literal["tie"]


def find_contradictions(settings: TaskSettings) -> list[str]:
    """Return what the task cannot do with these settings."""
    return list(comparisons.find_contradictions(settings, LEAST, MOST))


def parse_answer(settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
    """Return the rank of each candidate. Raises InvalidAnswerError."""
    count, choice = settings.candidate_count, read_answer(Choice, answer).choice
    if choice == "tie":
        if not settings.ties:
            raise InvalidAnswerError("answer.choice: this study has no ties")
        return comparisons.to_judgments([1] * count)
    require_slot("choice", choice, count)
    return comparisons.to_judgments([1 if slot == choice else 2 for slot in range(count)])


def simulate_answer(
    settings: TaskSettings,
    candidates: Sequence[tuple[str, str]],
    person: SimulatedPerson,
    rng: Random,
) -> WireAnswer:
    """Return the best candidate by noisy quality, or a tie if two are nearly equal."""
    noisy = comparisons.draw_utilities(candidates, person, rng)
    second, best = sorted(noisy)[-2:]
    if settings.ties and best - second < TIE_THRESHOLD:
        return {"choice": "tie"}
    return {"choice": noisy.index(best)}
