"""The files that the analysis wrote for the researcher pages: rates so far and sample sizes."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from study_server.clock import as_utc, now
from study_server.errors import StudyError
from study_server.vocabulary import Mode

STALE = timedelta(days=1)
Finding = TypeVar("Finding", bound=BaseModel)

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Rate(BaseModel):
    """Of one method, as shares; none until there is an interval that survives being watched."""

    model_config = ConfigDict(frozen=True)

    rate: Share | None
    cs95: tuple[Share, Share] | None
    trials: Count

    @model_validator(mode="after")
    def _come_together(self) -> "Rate":
        if (self.rate is None) != (self.cs95 is None):
            raise ValueError("a rate needs an interval, and an interval a rate")
        return self


class Monitor(BaseModel):
    """monitor.json, as docs/formats.md describes it."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[Literal["hue-and-eye/monitor/1"], Field(alias="schema")]
    study: str
    mode: Mode
    written_at: Annotated[AwareDatetime, AfterValidator(as_utc)]
    participants: Count
    planned: Count | None
    methods: dict[str, Rate]

    @property
    def is_stale(self) -> bool:
        return now() - self.written_at > STALE


def read_monitor(file: Path, slug: str) -> Monitor | None:
    """None where there is no file; raises StudyError where it cannot be shown."""
    monitor = read_finding(Monitor, file)
    if monitor is not None and monitor.study != slug:
        raise StudyError(f"{file.name} belongs to study {monitor.study!r}, not to this one")
    return monitor


def read_finding(kind: type[Finding], file: Path) -> Finding | None:
    """What the analysis wrote, None where there is no file. Raises StudyError."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError(f"{file.name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in (file.name, *first["loc"]))
        raise StudyError(f"{where}{first['msg']}") from error


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
