"""A platform's own list of who came, as it exports it: whoever reads it again meets raw ids."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from study_server.errors import StudyError
from study_server.vocabulary import RecruitmentSource


class SubmissionStatus(StrEnum):
    """Of somebody's submission, on the platform."""

    ACTIVE = "active"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    TIMED_OUT = "timed_out"
    SCREENED_OUT = "screened_out"


@dataclass(frozen=True)
class Submission:
    """One submission. person: the platform's raw id, which is never stored."""

    external_id: str
    submission_id: str
    status: SubmissionStatus
    completion_code: str = ""


# what platforms call a status, in lower case with spaces for other signs
STATUS_BY_NAME = {
    "reserved": SubmissionStatus.ACTIVE,
    "active": SubmissionStatus.ACTIVE,
    "awaiting review": SubmissionStatus.SUBMITTED,
    "submitted": SubmissionStatus.SUBMITTED,
    "approved": SubmissionStatus.APPROVED,
    "partially approved": SubmissionStatus.APPROVED,
    "rejected": SubmissionStatus.REJECTED,
    "returned": SubmissionStatus.RETURNED,
    "timed out": SubmissionStatus.TIMED_OUT,
    "screened out": SubmissionStatus.SCREENED_OUT,
    "": SubmissionStatus.SUBMITTED,  # SONA's lists have none
}

# by platform the columns of person, submission, status and code: any one of the names
COLUMNS_BY_SOURCE: dict[RecruitmentSource, tuple[tuple[str, ...], ...]] = {
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


def read_submissions(path: Path) -> tuple[RecruitmentSource, list[Submission]]:
    """A platform's export and which platform it is of; raises StudyError naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            source = _recognize(path, reader.fieldnames or [])
            rows = [(reader.line_num, _normalize_row(row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: not readable as CSV: {error}") from error
    return source, [parse_submission(source, row, f"{path}:{line}") for line, row in rows]


def _recognize(path: Path, columns: Iterable[str]) -> RecruitmentSource:
    named = {_normalize_name(column) for column in columns}
    for source, (person, submission, *_) in COLUMNS_BY_SOURCE.items():
        if named & set(person) and (named & set(submission) or not submission):
            return source
    raise StudyError(
        f"{path}: has neither Prolific's columns (Participant id, Submission id, Status) nor "
        "MTurk's (WorkerId, AssignmentId, AssignmentStatus) nor SONA's (survey_code); export the "
        "list anew, or name its columns so"
    )


def parse_submission(
    source: RecruitmentSource, row: Mapping[str, str], location: str
) -> Submission:
    """row: by column names as `_normalize_name` writes them.

    Raises StudyError on an unknown status.
    """
    person, submission, status, code = (
        next((row[name] for name in names if row.get(name)), "")
        for names in COLUMNS_BY_SOURCE[source]
    )
    if not person:
        raise StudyError(f"{location}: names nobody; export the list anew")
    known_status = STATUS_BY_NAME.get(_normalize_name(status))
    if known_status is None:
        raise StudyError(f"{location}: status {status!r} is none of {', '.join(STATUS_BY_NAME)}")
    return Submission(person, submission, known_status, code)


def _normalize_row(row: Mapping[str | None, object]) -> dict[str, str]:
    return {_normalize_name(str(name)): str(value or "").strip() for name, value in row.items()}


def _normalize_name(name: str) -> str:
    """Participant id, participant_id -> participant id; TIMED-OUT -> timed out"""
    return " ".join("".join(c if c.isalnum() else " " for c in name).lower().split())
