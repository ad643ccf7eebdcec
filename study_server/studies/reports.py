"""Read monitor.json and power.json, written by `python -m analysis.monitor` and `analysis.power`.

The server never computes rates itself.
"""

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

STALE_AFTER = timedelta(days=1)
AnalysisFile = TypeVar("AnalysisFile", bound=BaseModel)

NonNegativeInt = Annotated[int, Field(ge=0)]
Proportion = Annotated[float, Field(ge=0, le=1)]


class MonitoredRate(BaseModel):
    """The interim fooling rate of one method and its confidence sequence, as shares.

    Both are None while there is no confidence sequence, and `note` says why.
    """

    model_config = ConfigDict(frozen=True)

    rate: Proportion | None
    cs95: tuple[Proportion, Proportion] | None
    trials: NonNegativeInt
    note: str | None

    @model_validator(mode="after")
    def _come_together(self) -> "MonitoredRate":
        if (self.rate is None) != (self.cs95 is None):
            raise ValueError("rate and cs95 must either both be null or both be set")
        return self


class MonitoredDifference(BaseModel):
    """The interim difference of two methods, its confidence sequence, and what follows.

    Between rates or net preferences (shares), or mean scores (points of the scale). Both numbers
    are None while there is no confidence sequence, and `note` says why.
    """

    model_config = ConfigDict(frozen=True)

    a: str
    b: str
    of: str
    difference: float | None
    cs95: tuple[float, float] | None
    verdict: Literal["stop", "equal", "continue"]
    cheaper: Literal["people", "images"] | None
    note: str | None

    @model_validator(mode="after")
    def _come_together(self) -> "MonitoredDifference":
        if (self.difference is None) != (self.cs95 is None):
            raise ValueError("difference and cs95 must either both be null or both be set")
        return self

    @property
    def scale(self) -> str:
        """The scale of mean scores; empty for shares."""
        return self.of.partition(":")[2]

    def format_points(self, value: float) -> str:
        """Format a difference in percentage points, or in points of the scale."""
        digits, factor = (2, 1) if self.scale else (1, 100)
        return f"{factor * value:.{digits}f}".replace("-", "−")


class MonitorFile(BaseModel):
    """The content of monitor.json, which docs/formats.md describes."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[Literal["hue-and-eye/monitor/2"], Field(alias="schema")]
    study: str
    task: str
    mode: Mode
    written_at: Annotated[AwareDatetime, AfterValidator(as_utc)]
    participants: NonNegativeInt
    planned: NonNegativeInt | None
    margin: float | None
    methods: dict[str, MonitoredRate]
    differences: list[MonitoredDifference]

    @property
    def is_stale(self) -> bool:
        """True if the rates were computed more than STALE_AFTER ago."""
        return now() - self.written_at > STALE_AFTER


def read_monitor(file: Path, slug: str) -> MonitorFile | None:
    """Return the interim estimates of a study, or None if there is no file.

    Raises StudyError if the file is invalid or belongs to another study.
    """
    monitor = read_analysis_file(MonitorFile, file)
    if monitor is not None and monitor.study != slug:
        raise StudyError(f"{file.name} belongs to study {monitor.study!r}, not to this one")
    return monitor


def read_analysis_file(kind: type[AnalysisFile], file: Path) -> AnalysisFile | None:
    """Read a JSON file of the analysis; return None if it does not exist. Raises StudyError."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError(f"{file.name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        location = "".join(f"{part}: " for part in (file.name, *first["loc"]))
        raise StudyError(f"{location}{first['msg']}") from error


class ReportInput(BaseModel):
    """The data of a report: the trials shown, and the participants who were shown them."""

    model_config = ConfigDict(frozen=True)

    mode: Mode
    rows: NonNegativeInt
    participants: NonNegativeInt


class ReportFile(BaseModel):
    """The part of report.json, which docs/formats.md describes, that the pages show."""

    model_config = ConfigDict(frozen=True)

    input: ReportInput


def read_report_file(page: Path) -> ReportFile | None:
    """Read the report.json beside a report's page, or return None if there is no readable one."""
    try:
        return read_analysis_file(ReportFile, page.with_name("report.json"))
    except StudyError:
        return None


class PowerFile(BaseModel):
    """The content of power.json, which docs/formats.md describes."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[Literal["hue-and-eye/power/2"], Field(alias="schema")]
    goal: str
    participants: dict[str, int | None] | None
    reason: str | None
    half_width: dict[str, float] | None


def read_power(file: Path) -> PowerFile | None:
    """Read power.json; return None if it does not exist. Raises StudyError if it is invalid."""
    return read_analysis_file(PowerFile, file)
