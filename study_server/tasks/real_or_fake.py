"""Real or fake: choose the fake or the photograph of a pair, or say what a single image is.

An answer is stored on the scale `real`: 1 if it says that a candidate is a photograph, 0 if it says
that it is a fake, whichever of the two the question asks for.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from study_server.tasks.answers import AnswerBody, WholeNumber, read_answer, require_slot
from study_server.tasks.draws import divide_rounding_up, draw_balanced
from study_server.tasks.task import (
    Feedback,
    JudgedCandidate,
    Judgment,
    SimulatedPerson,
    TaskSettings,
    WireAnswer,
)
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, TrialKind

HAS_TRUTH = True
CHOICE_SCALE = SCALE = "real"
BUTTONS: Mapping[str, str] = {}


class Choice(AnswerBody):
    """The answer to a pair: the slot of the fake, or of the photograph if the question says so."""

    choice: WholeNumber


class Verdict(AnswerBody):
    """The answer to a single image."""

    verdict: Literal["real", "fake"]


def find_contradictions(settings: TaskSettings) -> list[str]:
    """Return what the task cannot do with these settings."""
    contradictions = []
    if settings.is_single and settings.question == "real":
        contradictions.append(
            "question = 'real' requires pairs, but presentation = 'single' shows one image at a "
            "time; set question = 'fake'"
        )
    for key, value, default in (
        ("candidates", settings.candidates, 2),
        ("include_real", settings.include_real, False),
        ("ties", settings.ties, False),
        ("scales", len(settings.scales), 0),
    ):
        if value != default:
            contradictions.append(f"{key} does not work with task = {settings.task!r}; remove it")
    return contradictions


def choose_methods(
    settings: TaskSettings,
    kind: TrialKind,
    methods: Sequence[str],
    count: int,
    pairs: Mapping[tuple[str, str], int],
    rng: Random,
) -> list[tuple[str, ...]]:
    """Return a fake and the photograph for each trial; of single images, half are photographs."""
    if kind is TrialKind.ATTENTION:
        fakes = [FOIL_METHOD] * count
    elif not settings.is_single:
        fakes = draw_balanced(methods, count, rng)
    else:
        halves = draw_balanced([True, False], count, rng)
        models = iter(draw_balanced(methods, sum(halves), rng))
        fakes = [next(models) if is_fake else REAL_METHOD for is_fake in halves]
    return [(fake,) if settings.is_single else (fake, REAL_METHOD) for fake in fakes]


def count_images(
    settings: TaskSettings, kind: TrialKind, methods: Sequence[str], count: int
) -> Mapping[str, int]:
    """Return, by method, the most source images that `count` trials of a kind may need."""
    if kind is TrialKind.ATTENTION:
        needed = {FOIL_METHOD: count}
    else:
        fakes = divide_rounding_up(count, 2) if settings.is_single else count
        needed = dict.fromkeys(methods, divide_rounding_up(fakes, len(methods)))
        if settings.is_single:
            needed[REAL_METHOD] = fakes
    if not (settings.is_single or settings.paired):
        needed[REAL_METHOD] = count
    return needed


def parse_answer(settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
    """Return which candidates are said to be photographs. Raises InvalidAnswerError."""
    if settings.is_single:
        return [Judgment(0, SCALE, float(read_answer(Verdict, answer).verdict == "real"))]
    choice = read_answer(Choice, answer).choice
    require_slot("choice", choice, settings.candidate_count)
    photograph = choice if settings.question == "real" else 1 - choice
    return [
        Judgment(slot, SCALE, float(slot == photograph)) for slot in range(settings.candidate_count)
    ]


def is_correct(candidates: Sequence[JudgedCandidate]) -> bool:
    """Return whether the photograph was said to be real and the fake to be fake."""
    return all((one.method == REAL_METHOD) == bool(one.values[SCALE]) for one in candidates)


passes_attention_check = is_correct


def give_feedback(candidates: Sequence[JudgedCandidate]) -> Feedback:
    """Return the feedback to a practice answer: which candidates are real, and which are fake."""
    truth = ("real" if one.method == REAL_METHOD else "fake" for one in candidates)
    return Feedback(is_correct(candidates), tuple(truth))


def simulate_answer(
    settings: TaskSettings,
    candidates: Sequence[tuple[str, str]],
    person: SimulatedPerson,
    rng: Random,
) -> WireAnswer:
    """Return an answer that is wrong with the probability that the person misjudges the fake."""
    is_fake = [method != REAL_METHOD for _, method in candidates]
    slot = is_fake.index(True) if any(is_fake) else 0
    errs = rng.random() < person.error_probability(*candidates[slot])
    if settings.is_single:
        return {"verdict": "fake" if is_fake[0] != errs else "real"}
    right = slot if settings.question == "fake" else 1 - slot
    return {"choice": 1 - right if errs else right}
