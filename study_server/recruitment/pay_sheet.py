"""Whom to pay and why: a platform's own list held against what is stored here.

The list's raw ids are hashed with the study's key to find the people; none is stored. Who returned
or timed out on the platform gives their place back.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.participants.current_trial import count_progress
from study_server.participants.enrollment import find_by_external_id
from study_server.participants.outcomes import UNFINISHED_OUTCOMES, update_lapsed_outcomes
from study_server.participants.scoring import count_correct
from study_server.recruitment.arrival import OUTCOMES_WITH_CODE, prolific_completion_code
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.models import Participant, Study
from study_server.studies.exclusion_counts import (
    exclusion_rules_of,
    required_attention_checks_correct,
)
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind

PAYABLE_STATUSES = (SubmissionStatus.SUBMITTED, SubmissionStatus.APPROVED)


class PayAction(StrEnum):
    """What the sheet proposes, and what `study pay` does."""

    PAY = "pay"
    DECIDE = "decide"  # the researcher writes another word here
    WAIT = "wait"
    NOTHING = "nothing"
    RETURN = "return"  # ask for the submission to be returned: Prolific
    REJECT = "reject"  # MTurk


@dataclass(frozen=True)
class PaySheetRow:
    """Of the sheet: one submission. external_id: raw, from the platform's list."""

    source: RecruitmentSource
    external_id: str
    submission: str
    status: SubmissionStatus
    participant: str
    outcome: str
    answers: str
    attention_checks: str
    action: PayAction
    reason: str
    bonus: str = ""


def reconcile(
    db: Session, study: Study, source: RecruitmentSource, submissions: Sequence[Submission]
) -> list[PaySheetRow]:
    """The sheet, in the order of the list; places of who returned or timed out become free."""
    update_lapsed_outcomes(db, study)
    first = _first_submissions(submissions)
    rows = []
    for one in submissions:
        participant = find_by_external_id(db, study, one.external_id, source)
        if participant is not None and first[one.external_id] is one:
            _update_outcome(participant, one.status)
        action, reason = propose_action(db, study, one, participant)
        if action in (PayAction.PAY, PayAction.DECIDE) and first[one.external_id] is not one:
            action, reason = (
                PayAction.DECIDE,
                f"came twice: see {first[one.external_id].submission_id}",
            )
        rows.append(_build_row(db, source, one, participant, action, reason))
    return rows


def _first_submissions(listed: Iterable[Submission]) -> dict[str, Submission]:
    """By person the one submission that may be paid: of several the first."""
    first: dict[str, Submission] = {}
    for one in listed:
        if one.external_id not in first or (
            one.status in PAYABLE_STATUSES and first[one.external_id].status not in PAYABLE_STATUSES
        ):
            first[one.external_id] = one
    return first


def _update_outcome(participant: Participant, status: SubmissionStatus) -> None:
    ends = {
        SubmissionStatus.RETURNED: Outcome.RETURNED,
        SubmissionStatus.TIMED_OUT: Outcome.TIMED_OUT,
    }
    if status in ends and participant.outcome in UNFINISHED_OUTCOMES:
        participant.outcome = ends[status]


def propose_action(
    db: Session, study: Study, submission: Submission, participant: Participant | None
) -> tuple[PayAction, str]:
    """What to do about one submission, and why."""
    status = submission.status
    if status is SubmissionStatus.ACTIVE:
        done = participant is not None and participant.outcome is Outcome.COMPLETE
        return PayAction.WAIT, "complete here, not submitted there yet" if done else "still at it"
    if status is SubmissionStatus.REJECTED:
        return PayAction.NOTHING, "rejected there"
    if status is SubmissionStatus.SCREENED_OUT:
        return PayAction.NOTHING, "screened out and settled there"
    if participant is None:
        return _propose_for_unknown(status)
    if status is SubmissionStatus.APPROVED:
        return PayAction.NOTHING, f"paid; {participant.outcome} here"
    if status is not SubmissionStatus.SUBMITTED:
        return _propose_for_departed(status, participant)
    if participant.outcome is not Outcome.COMPLETE:
        return PayAction.DECIDE, _describe_incomplete(db, study, submission, participant)
    failure = _describe_attention_check_failure(db, study, participant)
    if failure:
        return PayAction.DECIDE, f"complete, but {failure}"
    return PayAction.PAY, _describe_code(db, study, submission, participant)


def _propose_for_unknown(status: SubmissionStatus) -> tuple[PayAction, str]:
    if status in PAYABLE_STATUSES:
        return PayAction.DECIDE, "not known here: never agreed to take part, or is anonymous by now"
    return PayAction.NOTHING, "left before consent"


def _propose_for_departed(
    status: SubmissionStatus, participant: Participant
) -> tuple[PayAction, str]:
    gone = status.value.replace("_", " ")
    if participant.outcome is Outcome.COMPLETE:
        return PayAction.DECIDE, f"complete here, but {gone} there: pay by a bonus"
    return PayAction.NOTHING, f"{gone} there"


def _describe_incomplete(
    db: Session, study: Study, listed: Submission, participant: Participant
) -> str:
    answered, planned = count_progress(db.connection(), participant)
    text = f"{participant.outcome.value.replace('_', ' ')} here, {answered} of {planned} answers"
    if (
        participant.source is RecruitmentSource.PROLIFIC
        and participant.outcome is not Outcome.SCREENED_OUT
        and listed.completion_code == prolific_completion_code(db, study, Outcome.COMPLETE)
    ):
        return f"{text}, with a code that was not given to them"
    return text


def _describe_attention_check_failure(db: Session, study: Study, person: Participant) -> str:
    """How somebody failed, if so, by the frozen plan's rule or the report's default."""
    correct, answered = count_correct(db, person, TrialKind.ATTENTION)
    rules = exclusion_rules_of(study)
    needed = required_attention_checks_correct(rules, answered)
    if answered < rules.attention_checks_min_planned or correct >= needed:
        return ""
    return f"{correct} of {answered} attention checks right, {needed} needed"


def _describe_code(db: Session, study: Study, listed: Submission, participant: Participant) -> str:
    """The data decide, not the code; another one is told."""
    if participant.source is not RecruitmentSource.PROLIFIC or not listed.completion_code:
        return "complete"
    own = {prolific_completion_code(db, study, outcome) for outcome in OUTCOMES_WITH_CODE}
    complete_code = prolific_completion_code(db, study, Outcome.COMPLETE)
    if listed.completion_code == complete_code:
        return "complete"
    kind = "another outcome's" if listed.completion_code in own else "an unknown"
    return f"complete, though submitted with {kind} code {listed.completion_code}"


def _build_row(
    db: Session, source: RecruitmentSource, submission: Submission, participant: Participant | None,
    action: PayAction, reason: str,
) -> PaySheetRow:  # fmt: skip
    here = ("", "", "", "")
    if participant is not None:
        answered, planned = count_progress(db.connection(), participant)
        correct, seen = count_correct(db, participant, TrialKind.ATTENTION)
        here = (
            participant.public_id,
            participant.outcome,
            f"{answered} of {planned}",
            f"{correct} of {seen}",
        )
    return PaySheetRow(
        source,
        submission.external_id,
        submission.submission_id,
        submission.status,
        *here,
        action,
        reason,
    )


def count_missing_from_list(
    db: Session, study: Study, source: RecruitmentSource, rows: Iterable[PaySheetRow]
) -> int:
    """How many live participants of the platform are not in its list."""
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    names = db.scalars(select(Participant.public_id).where(*live, Participant.source == source))
    return len(set(names) - {row.participant for row in rows})


def write_sheet(path: Path, rows: Iterable[PaySheetRow]) -> None:
    """For the researcher alone: it has the platform's ids in it."""
    with atomic_write(path) as temporary:
        temporary.touch(mode=0o600)
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(
                handle, [f.name for f in fields(PaySheetRow)], lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


def read_sheet(path: Path) -> list[PaySheetRow]:
    """As the researcher has edited it; raises StudyError naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            return [_read_row(row, f"{path}:{reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: not readable as CSV: {error}") from error


def _read_row(row: dict[str, str], location: str) -> PaySheetRow:
    try:
        values: dict[str, Any] = row | {
            "source": RecruitmentSource(row["source"]),
            "status": SubmissionStatus(row["status"]),
            "action": PayAction(row["action"].strip().lower()),
        }
        return PaySheetRow(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{location}: {error}; edit only action ({', '.join(PayAction)}), reason and bonus"
        ) from error
