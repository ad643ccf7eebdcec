"""The interface of a task module, and the values that it exchanges with the rest of the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from study_server.tasks.scales import Scale
from study_server.vocabulary import TrialKind

WireAnswer = Mapping[str, object]  # an answer as a front end sends it


class InvalidAnswerError(ValueError):
    """The answer or report does not fit the trial, such as a slot that the trial does not have."""


class Judgment(NamedTuple):
    """The value that an answer gives to the candidate in one slot, on one scale.

    scale `rank`: 1 is best, and equal values are ties. Other scales: a higher value is better.
    """

    slot: int
    scale: str
    value: float


@dataclass(frozen=True)
class JudgedCandidate:
    """A candidate of an answered trial. values: what the answer says of it, by scale."""

    slot: int
    image: str
    method: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Feedback:
    """The feedback to a practice answer. truth: what each candidate is, by slot."""

    is_correct: bool
    truth: tuple[str, ...]


class TaskSettings(Protocol):
    """The settings of a protocol that tasks read."""

    @property
    def task(self) -> str:
        """The name of the task."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the study compares."""

    @property
    def assignment(self) -> str:
        """The assignment of methods: one for each participant (between) or all (within)."""

    @property
    def qualification(self) -> int:
        """The number of qualification trials."""

    @property
    def attention_checks(self) -> int:
        """The number of attention checks."""

    @property
    def candidates(self) -> int:
        """The number of images to choose from, as set in the protocol."""

    @property
    def include_real(self) -> bool:
        """True if the photograph competes with the methods."""

    @property
    def ties(self) -> bool:
        """True if participants may call two images equal."""

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The scales of a rating."""

    @property
    def presentation(self) -> str:
        """The way in which images are shown: sequential, simultaneous or single."""

    @property
    def question(self) -> str:
        """The image that participants look for in real or fake: the fake or the real one."""

    @property
    def paired(self) -> bool:
        """True if the candidates of a trial are made from the same source image."""

    @property
    def candidate_count(self) -> int:
        """The number of candidates of each trial: 1 if images are shown one at a time."""

    @property
    def is_single(self) -> bool:
        """True if images are shown one at a time."""


class SimulatedPerson(Protocol):
    """A simulated participant's perception of images."""

    def error_probability(self, image: str, method: str) -> float:
        """Return the probability of taking a fake for a photograph, or a photograph for a fake."""

    def quality(self, image: str, method: str) -> float:
        """Return the perceived quality of an image, on the scale of log odds."""


class Task(Protocol):
    """The interface of a task's module.

    HAS_TRUTH: whether an answer can be right or wrong, so that practice has feedback, and
    participants can be told their score and be required to qualify. CHOICE_SCALE: the scale that
    tells which of two alternatives was chosen, for counting a preference for one side; None if
    answers are no choices. BUTTONS: the texts, in English, of the buttons below the candidates, by
    value; they are disabled until the task's script enables them.
    """

    @property
    def HAS_TRUTH(self) -> bool: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def CHOICE_SCALE(self) -> str | None: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def BUTTONS(self) -> Mapping[str, str]: ...  # noqa: D102, N802 (a constant of a module)

    def find_contradictions(self, settings: TaskSettings) -> list[str]:
        """Return what the task cannot do with these settings, a sentence for each."""

    def choose_methods(
        self,
        settings: TaskSettings,
        kind: TrialKind,
        methods: Sequence[str],
        count: int,
        pairs: Mapping[tuple[str, str], int],
        rng: Random,
    ) -> list[tuple[str, ...]]:
        """Return the methods of the candidates of `count` trials of a kind, in random order.

        methods: those that the participant is tested on. pairs: the trials so far of each pair of
        methods, in alphabetical order. The images of a set that has more methods than a trial has
        candidates are shown in trials of their own.
        """

    def count_images(
        self, settings: TaskSettings, kind: TrialKind, methods: Sequence[str], count: int
    ) -> Mapping[str, int]:
        """Return, by method, the most source images that `count` trials of a kind may need.

        If all candidates of a trial are made from one source image, any of their methods counts it.
        """

    def parse_answer(self, settings: TaskSettings, answer: WireAnswer) -> list[Judgment]:
        """Return what an answer says of each candidate. Raises InvalidAnswerError."""

    def is_correct(self, candidates: Sequence[JudgedCandidate]) -> bool | None:
        """Return whether the answer to a trial was correct; None if the task has no truth."""

    def passes_attention_check(self, candidates: Sequence[JudgedCandidate]) -> bool | None:
        """Return whether an attention check was passed, or None if it cannot be decided yet.

        candidates: those of all attention checks of a participant that show the same source images.
        """

    def give_feedback(self, candidates: Sequence[JudgedCandidate]) -> Feedback | None:
        """Return the feedback to a practice answer; None if the task has no truth."""

    def simulate_answer(
        self,
        settings: TaskSettings,
        candidates: Sequence[tuple[str, str]],
        person: SimulatedPerson,
        rng: Random,
    ) -> WireAnswer:
        """Return a simulated participant's answer. candidates: (image, method) by slot."""
