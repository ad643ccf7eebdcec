"""Recognize people who have taken part or withdrawn, by keyed hashes of their external ids."""

import hmac
from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.storage.models import Identity, Participant, Study, Trial, Withdrawal
from study_server.vocabulary import Mode, RecruitmentSource

SELECT_BY_EXTERNAL_ID = (
    select(Participant)
    .join(Identity)
    .where(
        Identity.study_id == bindparam("study_id"),
        Identity.source == bindparam("source"),
        Identity.external_id_digest == bindparam("digest"),
    )
)


def hash_external_id(study: Study, external_id: str, source: RecruitmentSource) -> str:
    """Return the keyed hash that identifies a person in the table `identity`."""
    return _hash(study, f"{source}:{external_id}")


def hash_return_proof(study: Study, proof: str) -> str:
    """Return the keyed hash of the secret that a person needs to return, besides their ID."""
    return _hash(study, f"return:{proof}")


def make_person_code(person_key: str, source: RecruitmentSource, external_id: str) -> str:
    """Return the pseudonym of a person, which is the same in all linked studies of a server.

    It depends on a key that is not in the database, unlike the hashes of a single study.
    """
    digest = hmac.digest(person_key.encode(), f"{source}:{external_id}".encode(), "sha256")
    return f"u{digest.hex()[:16]}"


def has_taken_part(db: Session, slugs: Collection[str], person: str) -> bool:
    """Return whether a person has started a trial in one of these studies."""
    query = (
        select(Trial.id)
        .join(Participant)
        .join(Identity)
        .join(Study, Study.id == Participant.study_id)
        .where(
            Study.slug.in_(slugs),
            Identity.person == person,
            Participant.mode == Mode.LIVE,
            Trial.started_at.is_not(None),
        )
    )
    return db.scalar(query.limit(1)) is not None


def find_by_external_id(
    db: Session, study: Study, external_id: str, source: RecruitmentSource
) -> Participant | None:
    """Return the participant with this external id, or None."""
    digest = hash_external_id(study, external_id, source)
    identity = {"study_id": study.id, "source": source, "digest": digest}
    return db.scalar(SELECT_BY_EXTERNAL_ID, identity)


def has_withdrawn(db: Session, study: Study, external_id: str, source: RecruitmentSource) -> bool:
    """Return whether a live participant with this external id has withdrawn."""
    digest = _hash_withdrawn(study, hash_external_id(study, external_id, source))
    return db.get(Withdrawal, (study.id, digest)) is not None


def record_withdrawal(db: Session, participant: Participant) -> None:
    """Keep a hash of the participant's identity, so that this person cannot take part again.

    The hash differs from the one in `identity`, of which nothing may remain. The day is stored for
    `study anonymize`; the time is not.
    """
    identity = db.get(Identity, participant.id)
    if identity is not None:
        digest = _hash_withdrawn(participant.study, identity.external_id_digest)
        day = now().replace(hour=0, minute=0, second=0, microsecond=0)
        db.add(Withdrawal(study_id=participant.study_id, digest=digest, withdrawn_on=day))


def _hash_withdrawn(study: Study, external_id_digest: str) -> str:
    return _hash(study, f"withdrawn:{external_id_digest}")


def _hash(study: Study, text: str) -> str:
    return hmac.digest(study.identity_key, text.encode(), "sha256").hex()
