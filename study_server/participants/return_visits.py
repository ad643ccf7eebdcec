"""Decide who may return by the link of a platform, which names only the person's ID.

IDs are not secret: SONA's codes can be guessed, and other researchers know Prolific's and MTurk's.
A platform's link therefore leads back only with a proof: the random ID of the browser's cookie, or
MTurk's assignment ID, because frames have no cookies. Before the first trial, the person who gives
consent last is the participant, so that people can still move to another device.
"""

import hmac
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.participants.identities import hash_return_proof
from study_server.participants.outcomes import UNFINISHED_OUTCOMES
from study_server.participants.participation import has_started
from study_server.storage.models import Identity, Participant


class StartedElsewhereError(Exception):
    """The participant has started in another browser, or on another device."""


def may_return(db: Session, participant: Participant, proof: str | None) -> bool:
    """Return whether the proof is the participant's, or none is needed."""
    identity = db.get(Identity, participant.id)
    if identity is None or identity.return_digest is None:
        return True
    digest = hash_return_proof(participant.study, proof or "")
    return hmac.compare_digest(identity.return_digest, digest)


def has_begun(db: Session, participant: Participant) -> bool:
    """Return whether the participant has started a trial, or has ended without one."""
    return participant.outcome not in UNFINISHED_OUTCOMES or has_started(db, participant)


def return_or_move(db: Session, participant: Participant, proof: str | None) -> None:
    """Let the person who gives consent return, or move the participant to their browser.

    Moving gives the participant a new token, so that only one browser is theirs. Raises
    StartedElsewhereError if the participant has started.
    """
    if may_return(db, participant, proof):
        return
    # The lock keeps a first trial from starting in the meantime.
    db.execute(select(Participant.id).where(Participant.id == participant.id).with_for_update())
    if has_begun(db, participant):
        raise StartedElsewhereError
    identity = db.get_one(Identity, participant.id)
    identity.return_digest = hash_return_proof(participant.study, proof or "")
    participant.token = secrets.token_urlsafe(16)
    db.flush()
