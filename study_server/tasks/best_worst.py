"""Best and worst: choose the best and the worst of several candidates.

The best candidate has rank 1, the worst rank 3, and all others rank 2.
"""

from collections.abc import Mapping, Sequence
from random import Random

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
from study_server.tasks.without_truth import find_tie_contradictions
from study_server.tasks.without_truth import give_feedback as give_feedback
from study_server.tasks.without_truth import is_correct as is_correct

HAS_TRUTH = False
CHOICE_SCALE = None
BUTTONS: Mapping[str, str] = {}
LEAST, MOST = 3, 6


class BestAndWorst(AnswerBody):
    """The answer: the slots of the best and of the worst candidate."""

    best: WholeNumber
    worst: WholeNumber


def find_contradictions(settings: TaskSettings) -> list[str]:
    """Return what the task cannot do with these settings."""
    return [
        *comparisons.find_contradictions(settings, LEAST, MOST),
        *find_tie_contradictions(settings),
    ]


def parse_answer(settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
    """Return the rank of each candidate. Raises InvalidAnswerError."""
    count, body = settings.candidate_count, read_answer(BestAndWorst, answer)
    require_slot("best", body.best, count)
    require_slot("worst", body.worst, count)
    if body.best == body.worst:
        raise InvalidAnswerError("answer.worst: is the same as best")
    ranks = {body.best: 1, body.worst: 3}
    return comparisons.to_judgments([ranks.get(slot, 2) for slot in range(count)])


def simulate_answer(
    settings: TaskSettings,
    candidates: Sequence[tuple[str, str]],
    person: SimulatedPerson,
    rng: Random,
) -> WireAnswer:
    """Return the best and the worst candidate by noisy quality."""
    noisy = comparisons.draw_utilities(candidates, person, rng)
    return {"best": noisy.index(max(noisy)), "worst": noisy.index(min(noisy))}
