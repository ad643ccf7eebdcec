"""The scales of ratings."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from study_server.field_types import IN_EVERY_LANGUAGE, LIST_IN_EVERY_LANGUAGE

RESERVED_NAMES = ("rank", "real")  # scales of the other tasks
MAX_STEPS = 11  # radio buttons


class Scale(BaseModel):
    """A scale of `rating`: labeled steps with a radio button each, or a slider between two labels.

    labels: one per step, or those of the two ends of a slider; a list for all languages, or a list
    per language. text: what the scale asks, in all languages or per language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    min: Annotated[int, Field(ge=-1000, le=1000)]
    max: Annotated[int, Field(ge=-1000, le=1000)]
    labels: Annotated[Mapping[str, tuple[str, ...]], LIST_IN_EVERY_LANGUAGE]
    text: Annotated[Mapping[str, str], IN_EVERY_LANGUAGE] = {}

    @model_validator(mode="after")
    def _require_labels(self) -> "Scale":
        if self.name in RESERVED_NAMES:
            raise ValueError(f"the scale {self.name!r} has a reserved name; choose another one")
        if self.max <= self.min:
            raise ValueError(f"scale {self.name!r}: max = {self.max} must exceed min = {self.min}")
        if len({len(labels) for labels in self.labels.values()}) > 1:
            raise ValueError(
                f"scale {self.name!r} has more labels in one language than in another; give as "
                "many in each"
            )
        for language, labels in self.labels.items():
            if len(labels) not in (2, self.steps) or len(labels) > MAX_STEPS:
                raise ValueError(
                    f"scale {self.name!r} has {len(labels)} labels ({language}); give one for each "
                    f"of its {self.steps} steps (at most {MAX_STEPS}), or two for the ends of a "
                    "slider"
                )
        return self

    @property
    def steps(self) -> int:
        """The number of whole values."""
        return self.max - self.min + 1

    @property
    def is_slider(self) -> bool:
        """True if only the ends are labeled."""
        return self.steps > 2 and all(len(labels) == 2 for labels in self.labels.values())
