"""Find the image file in a slot of a participant's trial, while the trial is unanswered."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select
from sqlalchemy.orm import aliased

from study_server.participants.current_trial import UnknownTrialError
from study_server.storage.models import Participant, Response, Stimulus, Trial
from study_server.vocabulary import Slot

FAKE_STIMULUS, REAL_STIMULUS = aliased(Stimulus), aliased(Stimulus)
SELECT_TRIAL_FILES = (
    select(
        Trial.fake_side,
        FAKE_STIMULUS.file.label("fake"),
        FAKE_STIMULUS.file_bytes.label("fake_bytes"),
        REAL_STIMULUS.file.label("photograph"),
        REAL_STIMULUS.file_bytes.label("photograph_bytes"),
        or_(Trial.voided, Response.trial_id.is_not(None)).label("over"),
    )
    .outerjoin(FAKE_STIMULUS, Trial.fake_id == FAKE_STIMULUS.id)
    .outerjoin(REAL_STIMULUS, Trial.real_id == REAL_STIMULUS.id)
    .outerjoin(Response)
    .join(Trial.participant)
    .where(Trial.token == bindparam("trial_token"))
    .where(Participant.token == bindparam("token"))
)  # columns instead of objects, because half of all requests are for an image


class StimulusFile(NamedTuple):
    """A stimulus: its file below the folder of stimuli, and the size that it was imported with."""

    name: str
    size_bytes: int


class ImageGoneError(LookupError):
    """The trial has been answered or voided; its images are no longer available."""


def find_stimulus_file(db: Connection, token: str, trial_token: str, slot: Slot) -> StimulusFile:
    """Return the file of the image in this slot of a participant's trial.

    Raises UnknownTrialError if the trial or its slot does not exist, and ImageGoneError if the
    trial has been answered or voided.
    """
    parameters = {"token": token, "trial_token": trial_token}
    row = db.execute(SELECT_TRIAL_FILES, parameters).one_or_none()
    if row is None:
        raise UnknownTrialError(trial_token)
    if row.over:
        raise ImageGoneError(trial_token)
    paired = row.fake_side is not None
    if paired is (slot is Slot.CENTER):
        raise UnknownTrialError(trial_token)
    shows_fake = row.fake is not None and (not paired or slot == row.fake_side)
    if shows_fake:
        return StimulusFile(row.fake, row.fake_bytes)
    return StimulusFile(row.photograph, row.photograph_bytes)
