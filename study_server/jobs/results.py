"""The possible results of running a job."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Finished:
    """The job is over. exit_status: 0, or the exit status of a command that failed."""

    message: str
    exit_status: int = 0


@dataclass(frozen=True)
class Postponed:
    """The job could not be done now and waits again."""

    message: str
    retry_after: timedelta
