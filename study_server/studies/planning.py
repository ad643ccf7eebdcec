"""power.json as `python -m analysis.power` wrote it: how many people the study needs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from study_server.studies.reports import Share, read_finding


class Inputs(BaseModel):
    """What was asked, as far as the page tells it."""

    model_config = ConfigDict(frozen=True)

    rate: Share
    difference: float | None
    margin: float | None
    trials: int
    images: int
    design: str


class Power(BaseModel):
    """power.json, as docs/formats.md describes it."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[Literal["hue-and-eye/power/1"], Field(alias="schema")]
    inputs: Inputs
    participants: dict[str, int | None] | None
    reason: str | None
    half_width: dict[str, float] | None


def read_power(file: Path) -> Power | None:
    """None where there is no file; raises StudyError where it cannot be shown."""
    return read_finding(Power, file)
