"""Find the image file in a slot of a participant's trial, while the trial is unanswered."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from study_server.participants.current_trial import UnknownTrialError
from study_server.storage.models import Participant, Response, Stimulus, Trial, TrialStimulus

SELECT_FILE = (
    select(
        Stimulus.file,
        Stimulus.file_bytes,
        or_(Trial.voided, Response.trial_id.is_not(None)).label("over"),
    )
    .select_from(Trial)
    .join(Trial.participant)
    .join(TrialStimulus)
    .join(Stimulus)
    .outerjoin(Response)
    .where(Trial.token == bindparam("trial_token"))
    .where(Participant.token == bindparam("token"))
    .where(TrialStimulus.slot == bindparam("slot"))
)  # columns instead of objects, because half of all requests are for an image


class StimulusFile(NamedTuple):
    """A stimulus: its file below the folder of stimuli, and the size that it was imported with."""

    name: str
    size_bytes: int


class ImageGoneError(LookupError):
    """The trial has been answered or voided; its images are no longer available."""


def find_stimulus_file(db: Connection, token: str, trial_token: str, slot: int) -> StimulusFile:
    """Return the file of the image in this slot of a participant's trial.

    Raises UnknownTrialError if the trial or its slot does not exist, and ImageGoneError if the
    trial has been answered or voided.
    """
    parameters = {"token": token, "trial_token": trial_token, "slot": slot}
    row = db.execute(SELECT_FILE, parameters).one_or_none()
    if row is None:
        raise UnknownTrialError(trial_token)
    if row.over:
        raise ImageGoneError(trial_token)
    return StimulusFile(row.file, row.file_bytes)
