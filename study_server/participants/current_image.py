"""Which file a participant may see at a place of a trial, and until when."""

from sqlalchemy import Connection, bindparam, or_, select
from sqlalchemy.orm import aliased

from study_server.participants.current_trial import UnknownTrial
from study_server.storage.models import Participant, Response, Stimulus, Trial
from study_server.vocabulary import Slot

FAKE, PHOTOGRAPH = aliased(Stimulus), aliased(Stimulus)
IMAGES = (
    select(
        Trial.fake_side,
        FAKE.file.label("fake"),
        PHOTOGRAPH.file.label("photograph"),
        or_(Trial.voided, Response.trial_id.is_not(None)).label("over"),
    )
    .outerjoin(FAKE, Trial.fake_id == FAKE.id)
    .outerjoin(PHOTOGRAPH, Trial.real_id == PHOTOGRAPH.id)
    .outerjoin(Response)
    .join(Trial.participant)
    .where(Trial.token == bindparam("trial_token"))
    .where(Participant.token == bindparam("token"))
)  # columns, no objects: half of all requests are for an image


class ImageGone(LookupError):
    """The trial is answered or voided: nobody looks at its images any more."""


def find_image(db: Connection, token: str, trial_token: str, place: Slot) -> str:
    """The file of what a participant's trial shows there. Raises UnknownTrial, ImageGone."""
    asked = {"token": token, "trial_token": trial_token}
    found = db.execute(IMAGES, asked).one_or_none()
    if found is None:
        raise UnknownTrial(trial_token)
    if found.over:
        raise ImageGone(trial_token)
    paired = found.fake_side is not None
    if paired is (place is Slot.CENTER):
        raise UnknownTrial(trial_token)
    file: str = found.fake or found.photograph
    return file if not paired or place == found.fake_side else found.photograph
