"""The record of who has been paid, so that nobody is paid twice and nobody is forgotten."""

from collections.abc import Mapping

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.recruitment.platforms import SubmissionStatus
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Mode, Outcome, PayState, RecruitmentSource

PAY_STATES = {  # the states that the platform's statuses end in
    SubmissionStatus.APPROVED: PayState.PAID,
    SubmissionStatus.SCREENED_OUT: PayState.PAID,
    SubmissionStatus.REJECTED: PayState.REJECTED,
    SubmissionStatus.RETURNED: PayState.RETURNED,
    SubmissionStatus.TIMED_OUT: PayState.RETURNED,
}
# On these, submissions wait for the researcher; SONA grants credit itself.
PAYING_SOURCES = (RecruitmentSource.PROLIFIC, RecruitmentSource.MTURK)


def is_paid(engine: Engine, name: str) -> bool:
    """Return whether the participant with this public ID has been paid."""
    query = select(Participant.pay_state).where(Participant.public_id == name)
    with read_session(engine) as db:
        return db.scalar(query) is PayState.PAID


def record_settlement(engine: Engine, name: str, state: PayState) -> None:
    """Record what became of a participant's submission, in a transaction of its own.

    name: the public ID; an empty or unknown one, of a deleted participant, is ignored.
    """
    with write_transaction(engine) as db:
        id_ = db.scalar(select(Participant.id).where(Participant.public_id == name))
        if id_ is not None:
            record_states(db, {id_: state})


def record_states(db: Session, states: Mapping[int, PayState]) -> None:
    """Record what became of participants' submissions, by id; those who are paid stay paid."""
    for state in PayState:
        ids = [id_ for id_, new in states.items() if new is state]
        is_news = Participant.pay_state.is_distinct_from(state) & (
            Participant.pay_state.is_distinct_from(PayState.PAID)
        )
        for id_ in sorted(ids):
            db.execute(
                update(Participant)
                .where(Participant.id == id_, is_news)
                .values(pay_state=state, settled_at=now())
            )


def count_unpaid(db: Session, study: Study) -> int:
    """Count the live participants from Prolific and MTurk who finished and await payment."""
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.mode == Mode.LIVE,
        Participant.outcome == Outcome.COMPLETE,
        Participant.source.in_(PAYING_SOURCES),
        Participant.pay_state.is_(None),
    )
    return db.scalar(query) or 0
