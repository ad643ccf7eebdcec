"""Propose what to do with each submission of a platform, and say why."""

from sqlalchemy.orm import Session

from study_server.participants.current_trial import count_progress
from study_server.payment.sheet import PayAction
from study_server.recruitment.arrival import OUTCOMES_WITH_CODE, prolific_completion_code
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.models import Participant, Study
from study_server.studies.exclusion_counts import ParticipantSummary, fails_attention_checks
from study_server.studies.exclusion_rules import (
    exclusion_rules_of,
    required_attention_checks_correct,
)
from study_server.vocabulary import Outcome, PayState, RecruitmentSource

WITHDREW = "withdrew, so their data were deleted"
SETTLED_REASONS = {
    SubmissionStatus.REJECTED: "already rejected on the platform",
    SubmissionStatus.SCREENED_OUT: "screened out and settled on the platform",
}
PAYABLE_STATUSES = (SubmissionStatus.SUBMITTED, SubmissionStatus.APPROVED)


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
    if participant.pay_state is PayState.PAID and participant.settled_at is not None:
        day = participant.settled_at.strftime("%Y-%m-%d")
        return PayAction.NOTHING, f"this person has been paid, as recorded on {day}"
    if participant.outcome is not Outcome.COMPLETE:
        return PayAction.DECIDE, _describe_incomplete(db, study, submission, participant)
    failure = _describe_attention_check_failure(study, summary)
    if failure:
        return PayAction.DECIDE, f"finished, but {failure}"
    return PayAction.PAY, _describe_code(db, study, submission, participant)


def propose_without_data(status: SubmissionStatus, withdrawn: bool) -> tuple[PayAction, str]:
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
    return f"{format_attention_checks(summary)} attention checks correct ({needed} required)"


def format_attention_checks(summary: ParticipantSummary) -> str:
    """Return how many attention checks were correct, of those answered."""
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
