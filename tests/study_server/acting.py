"""Take part in a study without a browser."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.participants import current_trial, outcomes, responses
from study_server.participants.responses import RecordedResponse, SubmittedResponse
from study_server.storage.models import Participant, Response, Stimulus, Trial
from study_server.tasks.task import WireAnswer


def upcoming(db: Session, participant: Participant) -> list[Trial]:
    """The unanswered trials in the order they will be shown; none once it is over."""
    if participant.outcome in outcomes.EARLY_END_OUTCOMES:
        return []
    query = select(Trial).outerjoin(Response).where(Trial.participant_id == participant.id)
    unanswered = Trial.voided.is_(False), Response.trial_id.is_(None)
    return list(db.scalars(query.where(*unanswered).order_by(Trial.place)))


LEFT, RIGHT = {"choice": 0}, {"choice": 1}
FAKE, REAL = {"verdict": "fake"}, {"verdict": "real"}
OPPOSITES: tuple[tuple[WireAnswer, WireAnswer], ...] = ((LEFT, RIGHT), (FAKE, REAL))


def fake_slot(trial: Trial) -> int | None:
    """The slot of a trial's fake, or None if it shows a photograph alone."""
    return next((n for n, one in enumerate(trial.candidates) if one.method != "real"), None)


def fake_of(trial: Trial) -> Stimulus:
    """The fake of a trial, or its only image."""
    return trial.candidates[fake_slot(trial) or 0]


def name_fake(trial: Trial) -> WireAnswer:
    """The answer that says which image is the fake, or whether a single one is."""
    slot = fake_slot(trial)
    if len(trial.candidates) == 1:
        return FAKE if slot == 0 else REAL
    return {"choice": slot}


def other(answer: WireAnswer) -> WireAnswer:
    """The opposite answer."""
    return next(b if a == answer else a for a, b in OPPOSITES if answer in (a, b))


def begin(db: Session, participant: Participant, trial: Trial) -> None:
    db.flush()
    connection = db.connection()
    showing = current_trial.find_current_trial(connection, participant.token, trial.token)
    current_trial.start_trial(connection, showing)
    _look_again(db)


def respond(
    db: Session, participant: Participant, trial: Trial, answer: SubmittedResponse
) -> RecordedResponse:
    db.flush()
    connection = db.connection()
    showing = current_trial.find_current_trial(connection, participant.token, trial.token)
    try:
        return responses.record_response(connection, showing, answer)
    finally:
        _look_again(db)


def _look_again(db: Session) -> None:
    """Reload the test's objects, because the rows were written directly to the tables."""
    db.flush()
    db.expire_all()
