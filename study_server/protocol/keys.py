"""The keys of `study.toml`: their types, limits and defaults.

Source of the defaults: Zhang, Isola & Efros, ECCV 2016, and the code of their AMT test.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from study_server.languages import LANGUAGES, SOURCE_LANGUAGE
from study_server.protocol.link_parameters import MAX_LINK_PARAMETERS, LinkParameterName
from study_server.protocol.presets import Preset
from study_server.protocol.questions import MAX_QUESTIONS, Question
from study_server.protocol.staircase import Staircase
from study_server.tasks.catalog import DEFAULT_TASK, TASKS
from study_server.tasks.scales import Scale
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
MethodName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
TrialCount = Annotated[int, Field(ge=0, le=1000)]
PhaseMs = Annotated[int, Field(ge=0, le=60_000)]


class ProtocolKeys(BaseModel):
    """The settings of a study, in the order of the keys in `study.toml`.

    `key_texts.PROTOCOL_KEYS` explains each key. Whether the settings contradict each other is
    checked by `model.Protocol`.
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

    @property
    def is_single(self) -> bool:
        """True if images are shown one at a time, not in pairs."""
        return self.presentation == "single"

    @property
    def exposures_ms(self) -> tuple[int | None, ...]:
        """The exposures that a trial's exposure is drawn from; None: until the answer."""
        exposures = self.exposure_ms if isinstance(self.exposure_ms, tuple) else (self.exposure_ms,)
        return tuple(exposure or None for exposure in exposures)
