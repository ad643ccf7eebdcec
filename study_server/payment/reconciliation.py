"""Compare a platform's submissions with the stored data, and propose actions: the pay sheet.

The list's raw ids are hashed with the study's key to find the participants; none is stored. The
places of participants who returned or timed out on the platform become free.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.participants.current_trial import count_progress
from study_server.participants.identities import find_by_external_id, has_withdrawn
from study_server.participants.outcomes import (
    UNFINISHED_OUTCOMES,
    change_outcomes,
    update_lapsed_outcomes,
)
from study_server.payment.proposals import (
    PAYABLE_STATUSES,
    format_attention_checks,
    propose_action,
    propose_without_data,
)
from study_server.payment.records import PAY_STATES, record_states
from study_server.payment.sheet import PayAction, PaySheetRow
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.storage.models import Participant, Study
from study_server.studies import lookup
from study_server.studies.exclusion_counts import ParticipantSummary, list_participant_summaries
from study_server.vocabulary import Mode, Outcome, PayState, RecruitmentSource


def reconcile(
    db: Session, study: Study, source: RecruitmentSource, submissions: Sequence[Submission]
) -> list[PaySheetRow]:
    """Return the rows of the pay sheet, in the order of the list.

    Participants who returned or timed out on the platform get that outcome, which frees their
    places. It is recorded who is paid there.
    """
    states = _find_pay_states(db, study, source, submissions)
    _lock_participants(db, study, states)
    record_states(db, states)
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


def _find_pay_states(
    db: Session, study: Study, source: RecruitmentSource, submissions: Iterable[Submission]
) -> dict[int, PayState]:
    """Return the states of participants whose submissions are settled, by id.

    A person with two submissions is paid if one of them is, and waits if the other one does.
    """
    statuses: dict[str, set[SubmissionStatus]] = defaultdict(set)
    for one in submissions:
        statuses[one.external_id].add(one.status)
    states = {}
    for external_id, found in statuses.items():
        settled = {PAY_STATES[status] for status in found if status in PAY_STATES}
        if PayState.PAID in settled:
            state = PayState.PAID
        elif settled and found <= set(PAY_STATES):
            state = min(settled)
        else:
            continue
        participant = find_by_external_id(db, study, external_id, source)
        if participant is not None:
            states[participant.id] = state
    return states


def _lock_participants(db: Session, study: Study, settled_ids: Collection[int]) -> None:
    """Lock all participants that may change, before the counters are locked."""
    may_change = Participant.outcome.in_(UNFINISHED_OUTCOMES) | Participant.id.in_(settled_ids)
    query = select(Participant.id).where(Participant.study_id == study.id, may_change)
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
        attention_checks=format_attention_checks(summary),
        action=action,
        reason=reason,
    )


def _build_row_without_data(
    source: RecruitmentSource, submission: Submission, withdrawn: bool
) -> PaySheetRow:
    action, reason = propose_without_data(submission.status, withdrawn)
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
