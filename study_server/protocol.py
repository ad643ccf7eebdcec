"""study.toml -> a frozen Protocol, refused if it contradicts itself; and the presets.

Source of the default: Zhang, Isola & Efros, ECCV 2016, and the code of their AMT test.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from study_server.errors import StudyError
from study_server.words import FOIL, REAL, Kind

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Method = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class Protocol(BaseModel):
    """How a study runs. The order of the fields is the order of `study.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slug: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    preset: Literal["zhang2016", "within"]
    methods: Annotated[tuple[Method, ...], Field(min_length=1, strict=False)]
    assignment: Literal["between", "within"]
    stimuli: Literal["recolored", "any"] = "recolored"
    presentation: Literal["sequential"] = "sequential"
    question: Literal["fake", "real"] = "fake"
    practice: Annotated[int, Field(ge=0, le=1000)] = 10
    trials: Annotated[int, Field(ge=1, le=1000)] = 40
    vigilance: Annotated[int, Field(ge=0, le=1000)] = 4
    first_blank_ms: Milliseconds = 1200
    blank_ms: Milliseconds = 900
    exposure_ms: Annotated[int, Field(ge=20, le=60_000)] = 1000
    gap_ms: Milliseconds = 600
    after_ms: Milliseconds = 100
    feedback_ms: Milliseconds = 2400
    abandoned_after_minutes: Annotated[int, Field(ge=1, le=10_000)] = 60
    time_limit_minutes: Annotated[int, Field(ge=0, le=100_000)] = 0

    @field_validator("methods")
    @classmethod
    def _models_only(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for method in methods:
            if method in (REAL, FOIL):
                raise ValueError(f"{method!r} is no model; name what is studied, such as 'mcl'")
        if len(set(methods)) < len(methods):
            raise ValueError("a method is named twice; name each once")
        return methods

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Protocol":
        if self.vigilance > self.trials:
            raise ValueError(
                f"vigilance = {self.vigilance} exceeds trials = {self.trials}; "
                "a tenth of the trials is usual"
            )
        if self.assignment == "within" and self.trials < len(self.methods):
            raise ValueError(
                f"trials = {self.trials} cannot show {len(self.methods)} methods to one person; "
                "raise trials or set assignment = 'between'"
            )
        return self

    @property
    def photographs_needed(self) -> int:
        """How many different photographs one participant sees."""
        return self.practice + self.trials + self.vigilance

    def count(self, kind: Kind) -> int:
        """How many pairs the browser is told of: vigilance pairs pass for test pairs."""
        return self.practice if kind is Kind.PRACTICE else self.trials + self.vigilance

    @property
    def minutes(self) -> int:
        """About how long it takes, with 1.5 s an answer and two minutes of reading."""
        pair_ms = self.blank_ms + 2 * self.exposure_ms + self.gap_ms + self.after_ms + 1500
        total_ms = self.photographs_needed * pair_ms + self.practice * self.feedback_ms
        return round(2 + total_ms / 60_000)

    def canonical(self) -> str:
        """JSON with sorted keys and no spaces, the form that is stored and hashed."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))


PRESETS: dict[str, dict[str, Any]] = {
    "zhang2016": {"assignment": "between", "vigilance": 4},
    "within": {"assignment": "within", "vigilance": 10},
}

NOTES = {
    "slug": "the study's address: /s/SLUG",
    "title": "participants read it on every page",
    "preset": "where the defaults came from",
    "methods": "the models to compare, as manifest.csv names them",
    "assignment": "between: one method a participant; within: every participant sees all",
    "stimuli": "recolored: a fake has its photograph's luma; any: anything goes",
    "presentation": "sequential: one image after the other, left first",
    "question": "fake: which one is the fake? real: which one is the photograph?",
    "practice": "pairs with feedback, never analysed",
    "trials": "test pairs",
    "vigilance": "pairs with an obvious fake, spread among the test pairs",
    "first_blank_ms": "the blank before the first pair",
    "blank_ms": "the blank before every other pair",
    "exposure_ms": "how long each image is shown",
    "gap_ms": "between the left and the right image",
    "after_ms": "between the right image and the buttons",
    "feedback_ms": "how long practice feedback stays",
    "abandoned_after_minutes": "silence after which somebody's place goes to the next person",
    "time_limit_minutes": "from consent to the last answer; 0: none. Later answers are refused",
}


def new_protocol(slug: str, preset: str = "zhang2016") -> Protocol:
    """The preset under a name; raises StudyError on a name that cannot be in an address."""
    question = "Which photograph has fake colors?"
    settings = {"slug": slug, "title": question, "preset": preset, "methods": ("l2", "mcl")}
    return _validate(settings | PRESETS[preset], f"study new {slug}")


def write_toml(protocol: Protocol) -> str:
    """A study.toml with a remark at every key; `read_protocol` reads the same Protocol back."""
    rows = [(f"{k} = {_toml(v)}", NOTES[k]) for k, v in protocol.model_dump().items()]
    width = max(len(setting) for setting, _ in rows)
    lines = [f"{setting:<{width}}  # {note}" for setting, note in rows]
    return "\n".join(["# A perceptual-realism study: edit, then `study import`.", "", *lines, ""])


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # strings, integers and lists look alike in TOML


def read_protocol(path: Path) -> Protocol:
    """Raises StudyError naming file, key, value and remedy."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file; write one with `study new SLUG`") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not readable as TOML: {error}") from error
    return _validate(PRESETS.get(str(settings.get("preset")), {}) | settings, str(path))


def _validate(settings: dict[str, Any], where: str) -> Protocol:
    try:
        return Protocol.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "study"
        value = f" = {first['input']!r}" if first["loc"] and first["type"] != "missing" else ""
        reason = first["msg"].removeprefix("Value error, ")
        raise StudyError(f"{where}: {key}{value}: {reason}") from error


def stored_protocol(canonical: str) -> Protocol:
    return Protocol.model_validate_json(canonical)
