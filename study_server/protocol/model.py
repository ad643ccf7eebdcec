"""The settings of a study, which are refused if they contradict each other.

Source of the default protocol: Zhang, Isola & Efros, ECCV 2016, and the code of their AMT test.
"""

import json
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from study_server.languages import LANGUAGES, SOURCE_LANGUAGE
from study_server.protocol.link_parameters import (
    MAX_LINK_PARAMETERS,
    LinkParameterName,
    find_link_parameter_contradictions,
)
from study_server.protocol.presets import Preset
from study_server.protocol.questions import (
    MAX_QUESTIONS,
    Question,
    find_question_contradictions,
)
from study_server.protocol.staircase import Staircase
from study_server.tasks.catalog import DEFAULT_TASK, TASKS
from study_server.tasks.scales import Scale
from study_server.tasks.task import Task
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, QuestionPage, TrialKind

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
MethodName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
TrialCount = Annotated[int, Field(ge=0, le=1000)]
PhaseMs = Annotated[int, Field(ge=0, le=60_000)]
MIN_EXPOSURE_MS = 20  # the shortest exposure that common displays can show
TYPICAL_ANSWER_MS = 1500  # estimate for one trial
TYPICAL_FEEDBACK_MS = 2400  # estimate for feedback that stays until the participant continues
TYPICAL_LOOK_MS = 3000  # estimate for images that stay until the answer, without the answer
TYPICAL_QUESTION_MS = 10_000  # estimate for one of the study's own questions
TYPICAL_READING_MINUTES = 2  # estimate for all pages


class Protocol(BaseModel):
    """The settings of a study, in the order of the keys in `study.toml`.

    `key_texts.PROTOCOL_KEYS` explains each key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slug: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    languages: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = (SOURCE_LANGUAGE,)
    wording: Annotated[str, Field(min_length=1)] = "wording"
    entry: Literal["open", "recruited", "invited"] = "open"
    linked: bool = False
    exclude_studies: Annotated[tuple[Slug, ...], Field(strict=False)] = ()
    link_parameters: Annotated[
        tuple[LinkParameterName, ...], Field(max_length=MAX_LINK_PARAMETERS, strict=False)
    ] = ()
    device: Literal["any", "computer"] = "any"
    color_vision: Literal["unasked", "recorded", "required"] = "unasked"
    night_light: Literal["unasked", "recorded"] = "unasked"
    plates: Annotated[int, Field(ge=0, le=10)] = 0
    plates_min_correct: Annotated[int, Field(ge=0, le=10)] = 0
    completion_code: bool = False
    preset: Preset
    task: str = DEFAULT_TASK
    methods: Annotated[tuple[MethodName, ...], Field(min_length=1, strict=False)]
    assignment: Literal["between", "within"]
    candidates: Annotated[int, Field(ge=1, le=6)] = 2
    include_real: bool = False
    ties: bool = False
    reference: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,32}$")] = ""
    caption: bool = False
    layout: Literal["row", "grid"] = "row"
    stimuli: Literal["recolored", "any"] = "recolored"
    paired: bool = True
    presentation: Literal["sequential", "simultaneous", "single"] = "sequential"
    question: Literal["fake", "real"] = "fake"
    order: Literal["left_first", "random"] = "left_first"
    qualification: TrialCount = 0
    qualification_min_correct: Annotated[float, Field(ge=0, le=1)] = 0.65
    practice: TrialCount = 10
    trials: Annotated[int, Field(ge=1, le=1000)] = 40
    attention_checks: TrialCount = 4
    repeats: TrialCount = 0
    target_views: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    first_blank_ms: PhaseMs = 1200
    blank_ms: PhaseMs = 900
    exposure_ms: PhaseMs | tuple[PhaseMs, ...] = 1000
    gap_ms: PhaseMs = 600
    masks: Annotated[int, Field(ge=0, le=20)] = 0
    mask_ms: Annotated[int, Field(ge=10, le=10_000)] = 30
    after_ms: PhaseMs = 100
    feedback_ms: PhaseMs = 0
    prefetch: Annotated[int, Field(ge=1, le=20)] = 3
    disturbed: Literal["keep", "replace"] = "keep"
    abandoned_after_minutes: Annotated[int, Field(ge=1, le=10_000)] = 60
    time_limit_minutes: Annotated[int, Field(ge=0, le=100_000)] = 0
    scales: Annotated[tuple[Scale, ...], Field(max_length=5, strict=False)] = ()
    staircase: Annotated[Staircase | None, Field(strict=False)] = None
    questions: Annotated[tuple[Question, ...], Field(max_length=MAX_QUESTIONS, strict=False)] = ()

    @field_validator("methods")
    @classmethod
    def _require_models(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for method in methods:
            if method in (REAL_METHOD, FOIL_METHOD):
                raise ValueError(
                    f"{method!r} is not a model; name the methods to compare, such as 'mcl'"
                )
        if len(set(methods)) < len(methods):
            raise ValueError("a method is listed twice; list each once")
        return methods

    @field_validator("task")
    @classmethod
    def _require_task(cls, task: str) -> str:
        if task not in TASKS:
            raise ValueError(f"{task!r} is not a task; choose from {', '.join(TASKS)}")
        return task

    @field_validator("languages")
    @classmethod
    def _require_catalogs(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for language in languages:
            if language not in LANGUAGES:
                raise ValueError(
                    f"{language!r} is not available; choose from {', '.join(LANGUAGES)}, or see "
                    "docs/wording.md for adding a language"
                )
        if len(set(languages)) < len(languages):
            raise ValueError("a language is listed twice; list each once")
        return languages

    @field_validator("exposure_ms", mode="before")
    @classmethod
    def _normalize_exposures(cls, exposures: Any) -> Any:
        """Convert a list to a tuple, and a list of one exposure to that exposure."""
        if not isinstance(exposures, list | tuple):
            return exposures
        if len(set(exposures)) != len(exposures) or not exposures:
            raise ValueError("list each exposure once, such as [500, 1000]")
        return exposures[0] if len(exposures) == 1 else tuple(exposures)

    @model_validator(mode="after")
    def _require_consistency(self) -> "Protocol":
        for contradiction in (
            *_find_count_contradictions(self),
            *_find_presentation_contradictions(self),
            *TASKS[self.task].find_contradictions(self),
            *_find_scale_contradictions(self),
            *_find_staircase_contradictions(self),
            *find_question_contradictions(self.questions, self.languages),
            *_find_linking_contradictions(self),
            *find_link_parameter_contradictions(self.link_parameters),
        ):
            raise ValueError(contradiction)
        return self

    @property
    def has_screening(self) -> bool:
        """True if participants answer screening questions before the first trial."""
        return {self.color_vision, self.night_light} != {"unasked"} or self.plates > 0

    def questions_on(self, page: QuestionPage) -> tuple[Question, ...]:
        """Return the study's own questions on a page."""
        return tuple(question for question in self.questions if question.when is page)

    @property
    def is_single(self) -> bool:
        """True if images are shown one at a time, not in pairs."""
        return self.presentation == "single"

    @property
    def has_complete_images(self) -> bool:
        """True if every source image needs a stimulus of every method."""
        return self.paired and not (self.is_single and task_of(self).HAS_TRUTH)

    @property
    def has_truth(self) -> bool:
        """True if the answer to a trial can be right or wrong."""
        return task_of(self).HAS_TRUTH

    @property
    def has_feedback(self) -> bool:
        """True if participants are told after some trials whether they were right."""
        return any(self.gives_feedback(kind) for kind in TrialKind if self.planned_trials[kind])

    def gives_feedback(self, kind: TrialKind) -> bool:
        """Return whether participants are told after trials of a kind whether they were right."""
        is_staircase = kind is TrialKind.TEST and self.staircase is not None
        return self.has_truth and (kind is TrialKind.PRACTICE or is_staircase)

    def awaits_exposure(self, kind: TrialKind, exposure_ms: int | None) -> bool:
        """Return whether a trial's exposure depends on an answer that is not stored yet."""
        return self.staircase is not None and kind is TrialKind.TEST and exposure_ms is None

    @property
    def candidate_count(self) -> int:
        """The number of candidates of each trial."""
        return 1 if self.is_single else self.candidates

    @property
    def exposures_ms(self) -> tuple[int | None, ...]:
        """The exposures that a trial's exposure is drawn from; None: until the answer."""
        exposures = self.exposure_ms if isinstance(self.exposure_ms, tuple) else (self.exposure_ms,)
        return tuple(exposure or None for exposure in exposures)

    @property
    def planned_trials(self) -> dict[TrialKind, int]:
        """The number of trials per participant by kind; repeats count as test trials."""
        return {
            TrialKind.QUALIFICATION: self.qualification,
            TrialKind.PRACTICE: self.practice,
            TrialKind.TEST: self.trials + self.repeats,
            TrialKind.ATTENTION: self.attention_checks,
        }

    @property
    def different_trials(self) -> int:
        """The number of trials per participant that show different images.

        Repeats show images again, and so does each block of a staircase.
        """
        in_other_blocks = self.trials - self.trials_per_block
        return sum(self.planned_trials.values()) - self.repeats - in_other_blocks

    @property
    def trials_per_block(self) -> int:
        """The number of test trials in a block; without a staircase, all are in one."""
        return self.staircase.trials_per_block if self.staircase else self.trials

    def visible_trials(self, kind: TrialKind) -> int:
        """Return the number of trials of a kind that participants see announced.

        Attention checks are announced as test trials.
        """
        own = self.planned_trials[kind]
        return own + self.attention_checks if kind is TrialKind.TEST else own

    def visible_trials_before(self, kind: TrialKind) -> int:
        """Return the number of trials before the first of a kind, as `visible_trials` counts."""
        before = {TrialKind.QUALIFICATION: 0, TrialKind.PRACTICE: self.qualification}
        return before.get(kind, self.qualification + self.practice)

    @property
    def estimated_minutes(self) -> int:
        """The approximate duration of participation in minutes."""
        longest = max(exposure or TYPICAL_LOOK_MS for exposure in self.exposures_ms)
        shown = 2 * longest + self.gap_ms if self.presentation == "sequential" else longest
        masks_ms = self.masks * self.mask_ms * (2 if self.presentation == "sequential" else 1)
        trial_ms = self.blank_ms + shown + masks_ms + self.after_ms + TYPICAL_ANSWER_MS
        total_ms = sum(self.planned_trials.values()) * trial_ms
        with_feedback = sum(n for k, n in self.planned_trials.items() if self.gives_feedback(k))
        total_ms += with_feedback * (self.feedback_ms or TYPICAL_FEEDBACK_MS)
        total_ms += len(self.questions) * TYPICAL_QUESTION_MS
        return round(TYPICAL_READING_MINUTES + total_ms / 60_000)

    def canonical_json(self) -> str:
        """Return JSON with sorted keys and no spaces, the form that is stored and hashed."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def _find_count_contradictions(protocol: Protocol) -> list[str]:
    """Return the contradictions between the protocol's counts."""
    trials, attention_checks, repeats = protocol.trials, protocol.attention_checks, protocol.repeats
    least = len(protocol.methods) * (2 if protocol.is_single else 1)  # half are photographs
    contradictions = []
    if protocol.plates_min_correct > protocol.plates:
        contradictions.append(
            f"plates_min_correct = {protocol.plates_min_correct} exceeds plates = "
            f"{protocol.plates}; lower it, or raise plates"
        )
    if attention_checks > trials:
        contradictions.append(
            f"attention_checks = {attention_checks} exceeds trials = {trials}; "
            "lower it (usual: a tenth of the trials)"
        )
    if repeats > trials // 2:
        contradictions.append(
            f"repeats = {repeats} exceeds half of trials = {trials}; lower it (only trials of the "
            "first half are repeated)"
        )
    if protocol.assignment == "within" and trials < least:
        contradictions.append(
            f"trials = {trials} is too few to show {len(protocol.methods)} methods to each "
            f"participant; raise trials to at least {least}, or set assignment = 'between'"
        )
    return contradictions


def _find_scale_contradictions(protocol: Protocol) -> list[str]:
    """Return the languages of the study in which a scale has no labels."""
    return [
        f"scale {scale.name!r} has no labels in {language}; add them"
        for scale in protocol.scales
        for language in protocol.languages
        if language not in scale.labels
    ]


def _find_staircase_contradictions(protocol: Protocol) -> list[str]:
    """Return the settings that do not work with exposures that follow the answers."""
    if protocol.staircase is None:
        return []
    contradictions = []
    for key, value, required in (
        ("task", protocol.task, DEFAULT_TASK),
        ("presentation", protocol.presentation, "single"),
        ("assignment", protocol.assignment, "between"),
        ("practice", protocol.practice, 0),
        ("attention_checks", protocol.attention_checks, 0),
        ("repeats", protocol.repeats, 0),
    ):
        if value != required:
            contradictions.append(
                f"{key} = {value!r} does not work with [staircase]; set {key} = {required!r}, or "
                "remove the table"
            )
    if protocol.trials != protocol.staircase.trials:
        contradictions.append(
            f"trials = {protocol.trials} is not blocks x trials_per_block of [staircase]; set "
            f"trials = {protocol.staircase.trials}, or change the blocks"
        )
    if not protocol.exposure_ms or isinstance(protocol.exposure_ms, tuple):
        contradictions.append(
            "[staircase] determines the exposures of test trials; set exposure_ms to one exposure, "
            "that of qualification trials, or remove the table"
        )
    return contradictions


def _find_presentation_contradictions(protocol: Protocol) -> list[str]:
    """Return the contradictions between the settings of how images are shown."""
    shown, contradictions = protocol.presentation, []
    for exposure in protocol.exposures_ms:
        if exposure is None and shown == "sequential":
            contradictions.append(
                "exposure_ms = 0 (until the answer) does not work with presentation = "
                "'sequential'; set it in milliseconds"
            )
        if exposure is None and protocol.masks:
            contradictions.append(
                "masks require a limited exposure; set exposure_ms, or set masks = 0"
            )
        if exposure is not None and exposure < MIN_EXPOSURE_MS:
            contradictions.append(
                f"exposure_ms = {exposure} is shorter than {MIN_EXPOSURE_MS} ms, the minimum; "
                "raise it"
            )
    if protocol.reference and not protocol.paired:
        contradictions.append(
            "reference requires images made from the same photograph; set paired = true, or "
            "reference = ''"
        )
    if protocol.reference == FOIL_METHOD:
        contradictions.append("reference = 'foil' is not possible; choose another method")
    if protocol.order == "random" and shown != "sequential":
        contradictions.append(
            f"order = 'random' requires presentation = 'sequential', not {shown!r}; "
            "set order = 'left_first'"
        )
    return contradictions


def _find_linking_contradictions(protocol: Protocol) -> list[str]:
    """Return the contradictions between the settings that link this study with others."""
    if not protocol.exclude_studies:
        return []
    contradictions = []
    if not protocol.linked:
        contradictions.append(
            "exclude_studies requires linked = true; set it, or remove the studies"
        )
    if protocol.entry != "recruited":
        contradictions.append(
            "exclude_studies requires entry = 'recruited', because people who use a plain link "
            "cannot be recognized"
        )
    if protocol.slug in protocol.exclude_studies:
        contradictions.append("exclude_studies names this study; nobody can take part twice anyway")
    return contradictions


def task_of(protocol: Protocol) -> Task:
    """Return the module of the protocol's task."""
    return TASKS[protocol.task]


@lru_cache(maxsize=64)  # it is immutable, and every request needs it
def parse_stored_protocol(canonical: str) -> Protocol:
    """Parse the canonical JSON of a protocol in the database."""
    return Protocol.model_validate_json(canonical)
