"""Which file a participant may see at a place of a trial, and until when."""

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
        REAL_STIMULUS.file.label("photograph"),
        or_(Trial.voided, Response.trial_id.is_not(None)).label("over"),
    )
    .outerjoin(FAKE_STIMULUS, Trial.fake_id == FAKE_STIMULUS.id)
    .outerjoin(REAL_STIMULUS, Trial.real_id == REAL_STIMULUS.id)
    .outerjoin(Response)
    .join(Trial.participant)
    .where(Trial.token == bindparam("trial_token"))
    .where(Participant.token == bindparam("token"))
)  # columns, no objects: half of all requests are for an image


class ImageGoneError(LookupError):
    """The trial is answered or voided: nobody looks at its images any more."""


def find_stimulus_file(db: Connection, token: str, trial_token: str, slot: Slot) -> str:
    """The file of what a participant's trial shows there.

    Raises UnknownTrialError, ImageGoneError.
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
    file: str = row.fake or row.photograph
    return file if not paired or slot == row.fake_side else row.photograph
