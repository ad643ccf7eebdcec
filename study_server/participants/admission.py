"""Decide who can take part, and enroll new participants."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.orm import Session

from study_server.participants.enrollment import enroll_participant
from study_server.participants.identities import find_by_external_id, has_taken_part
from study_server.participants.return_visits import return_or_move
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Participant, Study
from study_server.vocabulary import Mode, RecruitmentSource, StudyState


class StudyNotOpenError(Exception):
    """The study does not admit new participants."""


class NotInvitedError(Exception):
    """The protocol requires an invitation or a recruitment platform."""


class TookPartBeforeError(Exception):
    """This person has taken part in a study whose participants the protocol excludes."""


def admit_participant(
    db: Session, study: Study, external_id: str, mode: Mode, source: RecruitmentSource,
    language: str, is_invited: bool = False, return_proof: str | None = None,
    person: str | None = None, shared_browser: bool = False,
    address: Mapping[str, str] = MappingProxyType({}),
) -> Participant:  # fmt: skip
    """Return the existing participant, or enroll a new one if the study admits them.

    return_proof: a secret that this person needs to return, in addition to an external id that
    others may know. person: from `make_person_code`, in a linked study. shared_browser: whether
    someone else took part in the same browser. address: the parameters of the entry link, of which
    those are stored that the protocol allows. Raises StartedElsewhereError if the person has
    started and the proof is not theirs. Previews and simulated participants are always admitted.
    Raises StudyNotOpenError, NotInvitedError, TookPartBeforeError, WithdrawnError or StudyFullError
    if a new live participant is not, and NoStimuliError if the study has no stimuli.
    """
    existing = find_by_external_id(db, study, external_id, source)
    if existing is None and mode is Mode.LIVE:
        require_admission(study, source, is_invited)
        require_first_participation(db, study, person)
    participant = existing or enroll_participant(
        db,
        study,
        external_id,
        mode,
        source,
        language,
        return_proof,
        person,
        shared_browser,
        address,
    )
    return_or_move(db, participant, return_proof)
    return participant


def require_admission(study: Study, source: RecruitmentSource, invited: bool) -> None:
    """Raise StudyNotOpenError or NotInvitedError unless new live participants are admitted."""
    entry = parse_stored_protocol(study.protocol).entry
    recruited = invited or source is not RecruitmentSource.LINK
    if study.state is not StudyState.OPEN:
        raise StudyNotOpenError
    if not (entry == "open" or invited or (entry == "recruited" and recruited)):
        raise NotInvitedError


def require_first_participation(db: Session, study: Study, person: str | None) -> None:
    """Raise TookPartBeforeError if this person was in a study that the protocol excludes."""
    excluded = parse_stored_protocol(study.protocol).exclude_studies
    if excluded and person is not None and has_taken_part(db, excluded, person):
        raise TookPartBeforeError
