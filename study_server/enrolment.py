"""Who takes part, and with which trials: one record a person, methods filled evenly."""

import hmac
import secrets
from random import Random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.models import Identity, Participant, Stimulus, Study, Trial
from study_server.protocol import stored_protocol
from study_server.schedule import PlannedTrial, Views, least_filled, plan_trials
from study_server.studies import images, release_places
from study_server.words import Kind, Mode, Outcome, Source

COUNTED = (Outcome.ACTIVE, Outcome.COMPLETE)  # who takes a place
CONSENT_VERSION = "2"  # of templates/participant/consent.html


def enroll(db: Session, study: Study, person: str, mode: Mode, source: Source) -> Participant:
    """The participant this person is: the one already there, or a new one with their own schedule.

    person: what tells people apart, a browser's cookie or a worker's id; only a keyed hash stays.
    """
    # one at a time for this study, on PostgreSQL too: the counts below must not move
    db.scalar(select(Study.id).where(Study.id == study.id).with_for_update())
    known = find_person(db, study, person, source)
    if known is not None:
        return known
    participant = _new_participant(db, study, mode, source)
    digest = _digest(study, person, source)
    db.add(Identity(participant_id=participant.id, study_id=study.id, source=source, digest=digest))
    _store_plan(db, study, participant)
    db.flush()
    return participant


def find_person(db: Session, study: Study, person: str, source: Source) -> Participant | None:
    """The participant this person already is, if any."""
    return db.scalar(
        select(Participant)
        .join(Identity)
        .where(
            Identity.study_id == study.id,
            Identity.source == source,
            Identity.digest == _digest(study, person, source),
        )
    )


def _digest(study: Study, person: str, source: Source) -> str:
    return hmac.digest(study.key, f"{source}:{person}".encode(), "sha256").hex()


def _new_participant(db: Session, study: Study, mode: Mode, source: Source) -> Participant:
    protocol, moment = stored_protocol(study.protocol), now()
    release_places(db, study)
    participant = Participant(
        study_id=study.id,
        name=f"p{secrets.token_hex(6)}",
        token=secrets.token_urlsafe(16),
        mode=mode,
        source=source,
        outcome=Outcome.ACTIVE,
        consent_version=CONSENT_VERSION,
        comment="",
        started_at=moment,
        seen_at=moment,
    )
    if protocol.assignment == "between":
        rng = Random(f"{study.schedule_seed}:{participant.name}:method")
        participant.method = least_filled(protocol.methods, _filled(db, study, mode), rng)
    db.add(participant)
    db.flush()
    return participant


def _filled(db: Session, study: Study, mode: Mode) -> dict[str, int]:
    """Complete and still active participants a method; previews and simulations count apart."""
    query = (
        select(Participant.method, func.count())
        .where(
            Participant.study_id == study.id,
            Participant.mode == mode,
            Participant.outcome.in_(COUNTED),
        )
        .group_by(Participant.method)
    )
    return {method: count for method, count in db.execute(query) if method}


def count_views(db: Session, study: Study, mode: Mode) -> Views:
    """How many complete and still active participants have each fake among their test trials."""
    query = (
        select(Stimulus.image, Stimulus.method, func.count())
        .join(Trial, Trial.fake_id == Stimulus.id)
        .join(Participant, Trial.participant_id == Participant.id)
        .where(
            Participant.study_id == study.id,
            Participant.mode == mode,
            Participant.outcome.in_(COUNTED),
            Trial.kind == Kind.TEST,
            Trial.voided.is_(False),
        )
        .group_by(Stimulus.image, Stimulus.method)
    )
    return {(image, method): count for image, method, count in db.execute(query)}


def _store_plan(db: Session, study: Study, participant: Participant) -> None:
    protocol = stored_protocol(study.protocol)
    methods = (participant.method,) if participant.method else protocol.methods
    rng = Random(f"{study.schedule_seed}:{participant.name}")
    views = count_views(db, study, participant.mode)
    plan = plan_trials(protocol, images(db, study), methods, views, rng)
    ids = stimulus_ids(db, study)
    for slot, planned in enumerate(plan):
        db.add(new_trial(participant, planned, ids, protocol.exposure_ms, slot))


def stimulus_ids(db: Session, study: Study) -> dict[tuple[str, str], int]:
    query = select(Stimulus.image, Stimulus.method, Stimulus.id).where(
        Stimulus.study_id == study.id
    )
    return {(image, method): id_ for image, method, id_ in db.execute(query)}


def new_trial(
    participant: Participant,
    planned: PlannedTrial,
    ids: dict[tuple[str, str], int],
    exposure_ms: int,
    slot: int,
    attempt: int = 0,
) -> Trial:
    return Trial(
        participant_id=participant.id,
        slot=slot,
        attempt=attempt,
        kind=planned.kind,
        block=planned.block,
        token=secrets.token_urlsafe(16),
        fake_id=ids[planned.image, planned.method],
        real_id=ids[planned.image, "real"],
        fake_side=planned.fake_side,
        exposure_ms=exposure_ms,
        voided=False,
    )
