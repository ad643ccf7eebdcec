"""Rating: score one image on one or several scales, alone or beside a reference.

Attention checks come in twos: a foil, and the photograph that it was made from. Both are passed if
the foil is not scored above the photograph, over all scales.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated

from pydantic import Field

from study_server.languages import N_
from study_server.tasks.answers import AnswerBody, read_answer
from study_server.tasks.draws import divide_rounding_up, draw_balanced
from study_server.tasks.task import (
    InvalidAnswerError,
    JudgedCandidate,
    Judgment,
    SimulatedPerson,
    TaskSettings,
    WireAnswer,
)
from study_server.tasks.without_truth import find_tie_contradictions, find_truth_contradictions
from study_server.tasks.without_truth import give_feedback as give_feedback
from study_server.tasks.without_truth import is_correct as is_correct
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, TrialKind

HAS_TRUTH = False
CHOICE_SCALE = None
BUTTONS = {"next": N_("Continue")}
NOISE_SD = 0.7  # noise in a simulated person's scores, on the scale of log odds


class Scores(AnswerBody):
    """The answer: a score on each scale."""

    scores: dict[str, Annotated[float, Field(allow_inf_nan=False, strict=True)]]


def find_contradictions(settings: TaskSettings) -> list[str]:
    """Return what the task cannot do with these settings."""
    task = settings.task
    contradictions = [*find_truth_contradictions(settings), *find_tie_contradictions(settings)]
    if not settings.is_single:
        contradictions.append(f"task = {task!r} shows one image; set presentation = 'single'")
    if not settings.scales:
        contradictions.append(f"task = {task!r} needs at least one scale ([[scales]])")
    names = [scale.name for scale in settings.scales]
    if len(set(names)) < len(names):
        contradictions.append("two scales have the same name; rename one")
    if settings.attention_checks % 2:
        contradictions.append(
            f"attention_checks = {settings.attention_checks} must be even: each foil comes with "
            "its photograph; add one or remove one"
        )
    if settings.attention_checks and not settings.paired:
        contradictions.append(
            "attention_checks compare a foil with its photograph, which paired = false does not "
            "have; set attention_checks = 0"
        )
    return contradictions


def choose_methods(
    settings: TaskSettings,
    kind: TrialKind,
    methods: Sequence[str],
    count: int,
    pairs: Mapping[tuple[str, str], int],
    rng: Random,
) -> list[tuple[str, ...]]:
    """Return the method of each trial, or a foil and its photograph for two attention checks."""
    if kind is TrialKind.ATTENTION:
        return [(FOIL_METHOD, REAL_METHOD)] * (count // 2)
    return [(method,) for method in draw_balanced(_rated(settings, methods), count, rng)]


def _rated(settings: TaskSettings, methods: Sequence[str]) -> list[str]:
    return [*methods, *([REAL_METHOD] if settings.include_real else [])]


def count_images(
    settings: TaskSettings, kind: TrialKind, methods: Sequence[str], count: int
) -> Mapping[str, int]:
    """Return, by method, the most source images that `count` trials of a kind may need."""
    if kind is TrialKind.ATTENTION:
        return {FOIL_METHOD: count // 2}
    rated = _rated(settings, methods)
    return dict.fromkeys(rated, divide_rounding_up(count, len(rated)))


def parse_answer(settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
    """Return the score on each scale. Raises InvalidAnswerError."""
    scores = dict(read_answer(Scores, answer).scores)
    judgments = []
    for scale in settings.scales:
        if scale.name not in scores:
            raise InvalidAnswerError(f"answer.scores.{scale.name}: Field required")
        score = scores.pop(scale.name)
        if not scale.min <= score <= scale.max:
            raise InvalidAnswerError(
                f"answer.scores.{scale.name}: got {score:g}, expected {scale.min} to {scale.max}"
            )
        if not (scale.is_slider or score.is_integer()):
            raise InvalidAnswerError(
                f"answer.scores.{scale.name}: got {score:g}, expected a whole number"
            )
        judgments.append(Judgment(0, scale.name, score))
    for name in scores:
        raise InvalidAnswerError(f"answer.scores.{name}: unknown scale")
    return judgments


def passes_attention_check(candidates: Sequence[JudgedCandidate]) -> bool | None:
    """Return whether the foil was not scored above its photograph; None until both are scored."""
    scores = {one.method: sum(one.values.values()) for one in candidates}
    if len(scores) < 2:
        return None
    return scores[FOIL_METHOD] <= scores[REAL_METHOD]


def simulate_answer(
    settings: TaskSettings,
    candidates: Sequence[tuple[str, str]],
    person: SimulatedPerson,
    rng: Random,
) -> WireAnswer:
    """Return scores: noisy quality, divided by equal cut points between the ends of the scale."""
    quality, scores = person.quality(*candidates[0]), {}
    for scale in settings.scales:
        share = 1 / (1 + math.exp(-quality - rng.gauss(0, NOISE_SD)))
        scores[scale.name] = min(scale.max, scale.min + math.floor(share * scale.steps))
    return {"scores": scores}
