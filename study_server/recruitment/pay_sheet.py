"""The pay sheet: compare a platform's submissions with the stored data, and propose actions.

The list's raw ids are hashed with the study's key to find the participants; none is stored. The
places of participants who returned or timed out on the platform become free.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.csv_cells import CsvInput, format_row, parse_csv, read_csv
from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.participants.current_trial import count_progress
from study_server.participants.identities import find_by_external_id, has_withdrawn
from study_server.participants.outcomes import (
    UNFINISHED_OUTCOMES,
    change_outcomes,
    update_lapsed_outcomes,
)
from study_server.recruitment.arrival import OUTCOMES_WITH_CODE, prolific_completion_code
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.models import Participant, Study
from study_server.studies import lookup
from study_server.studies.exclusion_counts import (
    ParticipantSummary,
    fails_attention_checks,
    list_participant_summaries,
)
from study_server.studies.exclusion_rules import (
    exclusion_rules_of,
    required_attention_checks_correct,
)
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

WITHDREW = "withdrew, so their data were deleted"
SETTLED_REASONS = {
    SubmissionStatus.REJECTED: "already rejected on the platform",
    SubmissionStatus.SCREENED_OUT: "screened out and settled on the platform",
}
BONUS_PATTERN = re.compile(r"(\d*)(?:[.,](\d{1,2}))?")
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
    summaries = {person.public_id: person for person in list_participant_summaries(db, study)}
    first = _first_submissions(submissions)
    _update_outcomes(db, study, source, first)
    rows = []
    for one in submissions:
        participant = find_by_external_id(db, study, one.external_id, source)
        if participant is None:
            withdrawn = has_withdrawn(db, study, one.external_id, source)
            rows.append(_build_row_without_data(source, one, withdrawn))
            continue
        summary = summaries[participant.public_id]
        action, reason = propose_action(db, study, one, participant, summary)
        if action in (PayAction.PAY, PayAction.DECIDE) and first[one.external_id] is not one:
            action, reason = (
                PayAction.DECIDE,
                f"participant’s second submission; see {first[one.external_id].submission_id}",
            )
        rows.append(_build_row(db, source, one, participant, summary, action, reason))
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
    db: Session,
    study: Study,
    submission: Submission,
    participant: Participant,
    summary: ParticipantSummary,
) -> tuple[PayAction, str]:
    """Return the action for one participant's submission and the reason."""
    status = submission.status
    if status is SubmissionStatus.ACTIVE:
        done = participant.outcome is Outcome.COMPLETE
        return (
            PayAction.WAIT,
            "finished the study, not yet submitted on the platform"
            if done
            else "still in progress",
        )
    if status in SETTLED_REASONS:
        return PayAction.NOTHING, SETTLED_REASONS[status]
    if status is SubmissionStatus.APPROVED:
        return PayAction.NOTHING, f"already paid; outcome in the study: {participant.outcome}"
    if status is not SubmissionStatus.SUBMITTED:
        return _propose_for_departed(status, participant)
    if participant.outcome is not Outcome.COMPLETE:
        return PayAction.DECIDE, _describe_incomplete(db, study, submission, participant)
    failure = _describe_attention_check_failure(study, summary)
    if failure:
        return PayAction.DECIDE, f"finished, but {failure}"
    return PayAction.PAY, _describe_code(db, study, submission, participant)


def _propose_without_data(status: SubmissionStatus, withdrawn: bool) -> tuple[PayAction, str]:
    """Return the action and the reason for a person of whom the database has no data."""
    if status is SubmissionStatus.ACTIVE:
        return PayAction.WAIT, WITHDREW if withdrawn else "still in progress"
    if status in SETTLED_REASONS:
        return PayAction.NOTHING, SETTLED_REASONS[status]
    if withdrawn and status is SubmissionStatus.SUBMITTED:
        return PayAction.DECIDE, f"{WITHDREW}; pay what the consent promises in this case"
    if withdrawn:
        paid = "already paid; " if status is SubmissionStatus.APPROVED else ""
        return PayAction.NOTHING, f"{paid}{WITHDREW}"
    if status in PAYABLE_STATUSES:
        return PayAction.DECIDE, "not in the database: never gave consent, or has been anonymized"
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


def _describe_attention_check_failure(study: Study, summary: ParticipantSummary) -> str:
    """Describe how a participant failed the attention checks, or return "".

    The rule is that of the frozen plan, or the report's default.
    """
    rules = exclusion_rules_of(study)
    if not fails_attention_checks(summary, rules):
        return ""
    needed = required_attention_checks_correct(rules, summary.attention_checks_planned)
    return f"{_format_attention_checks(summary)} attention checks correct ({needed} required)"


def _format_attention_checks(summary: ParticipantSummary) -> str:
    return f"{summary.attention_checks_correct} of {summary.attention_checks_answered}"


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
    db: Session, source: RecruitmentSource, submission: Submission, participant: Participant,
    summary: ParticipantSummary, action: PayAction, reason: str,
) -> PaySheetRow:  # fmt: skip
    answered, planned = count_progress(db.connection(), participant)
    return PaySheetRow(
        source=source,
        external_id=submission.external_id,
        submission=submission.submission_id,
        status=submission.status,
        participant=participant.public_id,
        outcome=participant.outcome,
        answers=f"{answered} of {planned}",
        attention_checks=_format_attention_checks(summary),
        action=action,
        reason=reason,
    )


def _build_row_without_data(
    source: RecruitmentSource, submission: Submission, withdrawn: bool
) -> PaySheetRow:
    action, reason = _propose_without_data(submission.status, withdrawn)
    return PaySheetRow(
        source=source,
        external_id=submission.external_id,
        submission=submission.submission_id,
        status=submission.status,
        participant="",
        outcome=lookup.WITHDRAWN if withdrawn else "",
        answers="",
        attention_checks="",
        action=action,
        reason=reason,
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
    with (
        atomic_write(path, private=True) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        handle.writelines(format_sheet(rows))


def format_sheet(rows: Iterable[PaySheetRow]) -> Iterator[str]:
    """Yield the lines of a sheet, which contain the platform's ids."""
    columns = [field.name for field in fields(PaySheetRow)]
    yield ",".join(columns) + "\n"
    for row in rows:
        yield format_row(asdict(row), columns)


def read_sheet(path: Path) -> list[PaySheetRow]:
    """Read a sheet that the researcher has edited; raise StudyError with the file and line."""
    return _read_rows(str(path), read_csv(path, guarded=True))


def parse_sheet(name: str, text: str) -> list[PaySheetRow]:
    """Return the rows of a sheet that a page of the server has sent; raises StudyError."""
    return _read_rows(name, parse_csv(name, text.encode(), guarded=True))


def _read_rows(name: str, table: CsvInput) -> list[PaySheetRow]:
    return [_read_row(row, f"{name}:{line}") for line, row in table.rows]


def _read_row(row: dict[str, str], location: str) -> PaySheetRow:
    try:
        values: dict[str, Any] = row | {
            "source": RecruitmentSource(row["source"]),
            "status": SubmissionStatus(row["status"]),
            "action": PayAction(row["action"].strip().lower()),
            "bonus": parse_bonus(row["bonus"], location),
        }
        return PaySheetRow(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{location}: {error}; edit only the columns action ({', '.join(PayAction)}), reason "
            "and bonus"
        ) from error


def parse_bonus(text: str, location: str) -> str:
    """Return an amount such as 1.50, or "". A spreadsheet may have written 1,50 or 1,5.

    location: the place of the text in the message of StudyError, if it is something else.
    """
    amount = BONUS_PATTERN.fullmatch(text.strip())
    if amount is None:
        raise StudyError(f"{location}: bonus {text!r} is not an amount such as 1.50")
    whole, cents = amount[1] or "", amount[2]
    return f"{whole}.{cents:0<2}" if cents else whole
