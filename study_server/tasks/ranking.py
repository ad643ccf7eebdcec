"""Ranking: put several candidates in order, from best to worst."""

from collections.abc import Sequence
from random import Random
from typing import Annotated

from pydantic import Field

from study_server.languages import N_
from study_server.tasks import comparisons
from study_server.tasks.answers import AnswerBody, WholeNumber, read_answer
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
from study_server.tasks.without_truth import find_tie_contradictions
from study_server.tasks.without_truth import give_feedback as give_feedback
from study_server.tasks.without_truth import is_correct as is_correct

HAS_TRUTH = False
CHOICE_SCALE = None
BUTTONS = {"undo": N_("Undo"), "done": N_("Done")}
LEAST, MOST = 3, 6


class Order(AnswerBody):
    """The answer: all slots, that of the best candidate first."""

    order: Annotated[list[WholeNumber], Field(max_length=MOST)]


def find_contradictions(settings: TaskSettings) -> list[str]:
    """Return what the task cannot do with these settings."""
    return [
        *comparisons.find_contradictions(settings, LEAST, MOST),
        *find_tie_contradictions(settings),
    ]


def parse_answer(settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
    """Return the rank of each candidate. Raises InvalidAnswerError."""
    order = read_answer(Order, answer).order
    if sorted(order) != list(range(settings.candidate_count)):
        last = settings.candidate_count - 1
        raise InvalidAnswerError(f"answer.order: must have each slot from 0 to {last} once")
    return comparisons.to_judgments([1 + order.index(slot) for slot in range(len(order))])


def simulate_answer(
    settings: TaskSettings,
    candidates: Sequence[tuple[str, str]],
    person: SimulatedPerson,
    rng: Random,
) -> WireAnswer:
    """Return the order of the candidates by noisy quality."""
    noisy = comparisons.draw_utilities(candidates, person, rng)
    return {"order": sorted(range(len(noisy)), key=lambda slot: -noisy[slot])}
