"""The pay sheet: compare a platform's submissions with the stored data, and propose actions.

The list's raw ids are hashed with the study's key to find the participants; none is stored. The
places of participants who returned or timed out on the platform become free.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.participants.current_trial import count_progress
from study_server.participants.identities import find_by_external_id
from study_server.participants.outcomes import (
    UNFINISHED_OUTCOMES,
    change_outcomes,
    update_lapsed_outcomes,
)
from study_server.participants.scoring import count_attention_checks
from study_server.recruitment.arrival import OUTCOMES_WITH_CODE, prolific_completion_code
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.models import Participant, Study
from study_server.studies.exclusion_counts import (
    exclusion_rules_of,
    required_attention_checks_correct,
)
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

PAYABLE_STATUSES = (SubmissionStatus.SUBMITTED, SubmissionStatus.APPROVED)


class PayAction(StrEnum):
    """The actions that the sheet proposes and that `study pay` carries out."""

    PAY = "pay"
    DECIDE = "decide"  # the researcher replaces this by another action
    WAIT = "wait"
    NOTHING = "nothing"
    RETURN = "return"  # ask the participant to return the submission (Prolific)
    REJECT = "reject"  # reject the submission (MTurk)


@dataclass(frozen=True)
class PaySheetRow:
    """One submission in the pay sheet. external_id: the raw id in the platform's list."""

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
    """Return the rows of the pay sheet, in the order of the list.

    Participants who returned or timed out on the platform get that outcome, which frees their
    places.
    """
    _lock_unfinished(db, study)
    update_lapsed_outcomes(db, study)
    first = _first_submissions(submissions)
    _update_outcomes(db, study, source, first)
    rows = []
    for one in submissions:
        participant = find_by_external_id(db, study, one.external_id, source)
        action, reason = propose_action(db, study, one, participant)
        if action in (PayAction.PAY, PayAction.DECIDE) and first[one.external_id] is not one:
            action, reason = (
                PayAction.DECIDE,
                f"participant’s second submission; see {first[one.external_id].submission_id}",
            )
        rows.append(_build_row(db, source, one, participant, action, reason))
    return rows


def _first_submissions(submissions: Iterable[Submission]) -> dict[str, Submission]:
    """Return for each external id its first payable submission, or else its first one."""
    first: dict[str, Submission] = {}
    for one in submissions:
        if one.external_id not in first or (
            one.status in PAYABLE_STATUSES and first[one.external_id].status not in PAYABLE_STATUSES
        ):
            first[one.external_id] = one
    return first


def _lock_unfinished(db: Session, study: Study) -> None:
    """Lock all participants whose outcome may change, before the counters are locked."""
    unfinished = Participant.outcome.in_(UNFINISHED_OUTCOMES)
    query = select(Participant.id).where(Participant.study_id == study.id, unfinished)
    db.execute(query.order_by(Participant.id).with_for_update())


def _update_outcomes(
    db: Session, study: Study, source: RecruitmentSource, first: Mapping[str, Submission]
) -> None:
    """Store the outcomes of participants who returned or timed out on the platform."""
    ends = {
        SubmissionStatus.RETURNED: Outcome.RETURNED,
        SubmissionStatus.TIMED_OUT: Outcome.TIMED_OUT,
    }
    ended = {
        participant.id: ends[one.status]
        for one in first.values()
        if one.status in ends
        and (participant := find_by_external_id(db, study, one.external_id, source)) is not None
    }
    unfinished = select(Participant.id).where(
        Participant.id.in_(ended), Participant.outcome.in_(UNFINISHED_OUTCOMES)
    )
    ids = db.scalars(unfinished)
    change_outcomes(db, study, {id_: ended[id_] for id_ in ids})


def propose_action(
    db: Session, study: Study, submission: Submission, participant: Participant | None
) -> tuple[PayAction, str]:
    """Return the action for one submission and the reason."""
    status = submission.status
    if status is SubmissionStatus.ACTIVE:
        done = participant is not None and participant.outcome is Outcome.COMPLETE
        return (
            PayAction.WAIT,
            "finished the study, not yet submitted on the platform"
            if done
            else "still in progress",
        )
    if status is SubmissionStatus.REJECTED:
        return PayAction.NOTHING, "already rejected on the platform"
    if status is SubmissionStatus.SCREENED_OUT:
        return PayAction.NOTHING, "screened out and settled on the platform"
    if participant is None:
        return _propose_for_unknown(status)
    if status is SubmissionStatus.APPROVED:
        return PayAction.NOTHING, f"already paid; outcome in the study: {participant.outcome}"
    if status is not SubmissionStatus.SUBMITTED:
        return _propose_for_departed(status, participant)
    if participant.outcome is not Outcome.COMPLETE:
        return PayAction.DECIDE, _describe_incomplete(db, study, submission, participant)
    failure = _describe_attention_check_failure(db, study, participant)
    if failure:
        return PayAction.DECIDE, f"finished, but {failure}"
    return PayAction.PAY, _describe_code(db, study, submission, participant)


def _propose_for_unknown(status: SubmissionStatus) -> tuple[PayAction, str]:
    if status in PAYABLE_STATUSES:
        return (
            PayAction.DECIDE,
            "not in the database: never gave consent, or has been anonymized",
        )
    return PayAction.NOTHING, "left before giving consent"


def _propose_for_departed(
    status: SubmissionStatus, participant: Participant
) -> tuple[PayAction, str]:
    gone = status.value.replace("_", " ")
    if participant.outcome is Outcome.COMPLETE:
        return (
            PayAction.DECIDE,
            f"finished the study, but {gone} on the platform: can only be paid with a bonus",
        )
    return PayAction.NOTHING, f"{gone} on the platform"


def _describe_incomplete(
    db: Session, study: Study, submission: Submission, participant: Participant
) -> str:
    answered, planned = count_progress(db.connection(), participant)
    outcome = participant.outcome.value.replace("_", " ")
    text = f"outcome in the study: {outcome}, {answered} of {planned} trials answered"
    if (
        participant.source is RecruitmentSource.PROLIFIC
        and participant.outcome is not Outcome.SCREENED_OUT
        and submission.completion_code == prolific_completion_code(db, study, Outcome.COMPLETE)
    ):
        return f"{text}; submitted with the completion code, which they were never shown"
    return text


def _describe_attention_check_failure(db: Session, study: Study, participant: Participant) -> str:
    """Describe how a participant failed the attention checks, or return "".

    The rule is that of the frozen plan, or the report's default.
    """
    correct, answered = count_attention_checks(db, participant)
    rules = exclusion_rules_of(study)
    needed = required_attention_checks_correct(rules, answered)
    if answered < rules.attention_checks_min_planned or correct >= needed:
        return ""
    return f"{correct} of {answered} attention checks correct ({needed} required)"


def _describe_code(
    db: Session, study: Study, submission: Submission, participant: Participant
) -> str:
    """Describe an unexpected completion code; the data decide about payment, not the code."""
    if participant.source is not RecruitmentSource.PROLIFIC or not submission.completion_code:
        return "complete"
    codes = {prolific_completion_code(db, study, outcome) for outcome in OUTCOMES_WITH_CODE}
    complete_code = prolific_completion_code(db, study, Outcome.COMPLETE)
    if submission.completion_code == complete_code:
        return "complete"
    kind = "another outcome’s" if submission.completion_code in codes else "an unknown"
    return f"finished, but submitted with {kind} code {submission.completion_code}"


def _build_row(
    db: Session, source: RecruitmentSource, submission: Submission, participant: Participant | None,
    action: PayAction, reason: str,
) -> PaySheetRow:  # fmt: skip
    here = ("", "", "", "")
    if participant is not None:
        answered, planned = count_progress(db.connection(), participant)
        correct, seen = count_attention_checks(db, participant)
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
    """Count the live participants from this platform who are not in its list."""
    live = Participant.study_id == study.id, Participant.mode == Mode.LIVE
    names = db.scalars(select(Participant.public_id).where(*live, Participant.source == source))
    return len(set(names) - {row.participant for row in rows})


def write_sheet(path: Path, rows: Iterable[PaySheetRow]) -> None:
    """Write the sheet, readable only by the owner, because it contains the platform's ids."""
    with atomic_write(path) as temporary:
        temporary.touch(mode=0o600)
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(
                handle, [f.name for f in fields(PaySheetRow)], lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


def read_sheet(path: Path) -> list[PaySheetRow]:
    """Read a sheet that the researcher has edited; raise StudyError with the file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            return [_read_row(row, f"{path}:{reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path}: cannot be read as CSV: {error}") from error


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
            f"{location}: {error}; edit only the columns action ({', '.join(PayAction)}), reason "
            "and bonus"
        ) from error
