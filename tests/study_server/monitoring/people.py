"""Participants of the short study, for the tests of what researchers see."""

from sqlalchemy.orm import Session

from study_server.participants import enrollment
from study_server.participants.responses import SubmittedResponse
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.study_server.acting import name_fake, respond, upcoming


def take_part(
    db: Session,
    study: Study,
    name: str,
    trials: int = 7,
    first_ms: float = 100,
    input_device: str = "mouse",
    mode: Mode = Mode.LIVE,
) -> Participant:
    """Enroll a participant, who names the fake in this many trials."""
    person = enrollment.enroll_participant(db, study, name, mode, RecruitmentSource.LINK)
    for _ in range(trials):
        (trial, *_) = upcoming(db, person)
        second = None if len(trial.candidates) == 1 else 100.0
        answer = SubmittedResponse(
            name_fake(trial), rt_ms=640, first_ms=first_ms, second_ms=second, input=input_device
        )
        respond(db, person, trial, answer)
    return person
