"""A platform's own list of who came, as it exports it: whoever reads it again meets raw ids."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from study_server.errors import StudyError
from study_server.vocabulary import RecruitmentSource


class Status(StrEnum):
    """Of somebody's submission, on the platform."""

    ACTIVE = "active"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    TIMED_OUT = "timed_out"
    SCREENED_OUT = "screened_out"


@dataclass(frozen=True)
class Listed:
    """One submission. person: the platform's raw id, which is never stored."""

    person: str
    submission: str
    status: Status
    code: str = ""


# what platforms call a status, in lower case with spaces for other signs
STATUSES = {
    "reserved": Status.ACTIVE,
    "active": Status.ACTIVE,
    "awaiting review": Status.SUBMITTED,
    "submitted": Status.SUBMITTED,
    "approved": Status.APPROVED,
    "partially approved": Status.APPROVED,
    "rejected": Status.REJECTED,
    "returned": Status.RETURNED,
    "timed out": Status.TIMED_OUT,
    "screened out": Status.SCREENED_OUT,
    "": Status.SUBMITTED,  # SONA's lists have none
}

# by platform the columns of person, submission, status and code: any one of the names
COLUMNS: dict[RecruitmentSource, tuple[tuple[str, ...], ...]] = {
    RecruitmentSource.PROLIFIC: (
        ("participant id", "participant"),
        ("submission id", "session id"),
        ("status",),
        ("completion code", "study code", "entered code"),
    ),
    RecruitmentSource.MTURK: (
        ("workerid",),
        ("assignmentid",),
        ("assignmentstatus",),
        ("answer code", "answer surveycode"),
    ),
    RecruitmentSource.SONA: (
        ("survey code", "survey id", "id code", "identity code"),
        (),
        ("status",),
        (),
    ),
}


def read_list(path: Path) -> tuple[RecruitmentSource, list[Listed]]:
    """A platform's export and which platform it is of; raises StudyError naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            source = _recognize(path, reader.fieldnames or [])
            rows = [(reader.line_num, _plain(row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: not readable as CSV: {error}") from error
    return source, [read_row(source, row, f"{path}:{line}") for line, row in rows]


def _recognize(path: Path, columns: Iterable[str]) -> RecruitmentSource:
    named = {_words(column) for column in columns}
    for source, (person, submission, *_) in COLUMNS.items():
        if named & set(person) and (named & set(submission) or not submission):
            return source
    raise StudyError(
        f"{path}: has neither Prolific's columns (Participant id, Submission id, Status) nor "
        "MTurk's (WorkerId, AssignmentId, AssignmentStatus) nor SONA's (survey_code); export the "
        "list anew, or name its columns so"
    )


def read_row(source: RecruitmentSource, row: Mapping[str, str], where: str) -> Listed:
    """row: by column names as `_words` writes them. Raises StudyError on an unknown status."""
    person, submission, status, code = (
        next((row[name] for name in names if row.get(name)), "") for names in COLUMNS[source]
    )
    if not person:
        raise StudyError(f"{where}: names nobody; export the list anew")
    known = STATUSES.get(_words(status))
    if known is None:
        raise StudyError(f"{where}: status {status!r} is none of {', '.join(STATUSES)}")
    return Listed(person, submission, known, code)


def _plain(row: Mapping[str | None, object]) -> dict[str, str]:
    return {_words(str(name)): str(value or "").strip() for name, value in row.items()}


def _words(name: str) -> str:
    """Participant id, participant_id -> participant id; TIMED-OUT -> timed out"""
    return " ".join("".join(c if c.isalnum() else " " for c in name).lower().split())
