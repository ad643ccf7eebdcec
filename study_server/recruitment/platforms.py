"""Read the lists of submissions that Prolific, MTurk and SONA export.

The lists contain the platforms' raw ids of participants, which are never stored in the database.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from study_server.csv_cells import CsvInput, parse_csv, read_csv
from study_server.errors import StudyError
from study_server.vocabulary import RecruitmentSource


class SubmissionStatus(StrEnum):
    """The status of a submission on the platform."""

    ACTIVE = "active"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    TIMED_OUT = "timed_out"
    SCREENED_OUT = "screened_out"


@dataclass(frozen=True)
class Submission:
    """One submission on a platform.

    external_id: the platform's raw id of the person, which is never stored in the database.
    """

    external_id: str
    submission_id: str
    status: SubmissionStatus
    completion_code: str = ""


ROUNDED_PATTERN = re.compile(r"\d([.,]\d+)?E\+\d+")  # how Excel shows a long number
# The platforms' names of each status, as `_normalize_name` writes them.
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
    "": SubmissionStatus.SUBMITTED,  # SONA's lists have no status
}

# For each platform, the alternative column names of the person, submission, status and code.
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
    """Read a platform's export; return the platform and its submissions.

    Raises StudyError with the file and line.
    """
    return _to_submissions(str(path), read_csv(path))


def parse_submissions(name: str, content: bytes) -> tuple[RecruitmentSource, list[Submission]]:
    """Return the platform and the submissions of an export, as `read_submissions` does."""
    return _to_submissions(name, parse_csv(name, content))


def _to_submissions(name: str, table: CsvInput) -> tuple[RecruitmentSource, list[Submission]]:
    source = _recognize(name, table.columns)
    rows = [(line, _normalize_row(row)) for line, row in table.rows]
    return source, [parse_submission(source, row, f"{name}:{line}") for line, row in rows]


def _recognize(name: str, columns: Iterable[str]) -> RecruitmentSource:
    named = {_normalize_name(column) for column in columns}
    for source, (person, submission, *_) in COLUMNS_BY_SOURCE.items():
        if named & set(person) and (named & set(submission) or not submission):
            return source
    raise StudyError(
        f"{name}: unknown columns; expected those of Prolific (Participant id, Submission id, "
        "Status), MTurk (WorkerId, AssignmentId, AssignmentStatus) or SONA (survey_code); export "
        "the list again, or rename the columns"
    )


def parse_submission(
    source: RecruitmentSource, row: Mapping[str, str], location: str
) -> Submission:
    """Convert one row of a list to a Submission.

    row: values by column names as `_normalize_name` writes them. location: the row's place in error
    messages. Raises StudyError if the participant id is missing or the status is unknown.
    """
    person, submission, status, code = (
        next((row[name] for name in names if row.get(name)), "")
        for names in COLUMNS_BY_SOURCE[source]
    )
    if not person:
        raise StudyError(f"{location}: no participant ID; export the list again")
    for id_ in (person, submission):
        if ROUNDED_PATTERN.fullmatch(id_):
            raise StudyError(
                f"{location}: a spreadsheet has rounded the ID to {id_!r}; export the list again, "
                "and do not save it with a spreadsheet"
            )
    known_status = STATUS_BY_NAME.get(_normalize_name(status))
    if known_status is None:
        raise StudyError(
            f"{location}: unknown status {status!r}; known: "
            f"{', '.join(filter(None, STATUS_BY_NAME))}"
        )
    return Submission(person, submission, known_status, code)


def _normalize_row(row: Mapping[str, str]) -> dict[str, str]:
    return {_normalize_name(name): value.strip() for name, value in row.items()}


def _normalize_name(name: str) -> str:
    """Normalize names: participant_id to "participant id", TIMED-OUT to "timed out"."""
    return " ".join("".join(c if c.isalnum() else " " for c in name).lower().split())
