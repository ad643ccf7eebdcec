"""The service behind the participant's pages: enroll, resume, next trials, record, finish."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from study_server.clock import now
from study_server.models import (
    Environment,
    Identity,
    Participant,
    Response,
    Stimulus,
    Study,
    Trial,
)
from study_server.protocol import Protocol, stored_protocol
from study_server.schedule import PlannedTrial, least_filled, plan_trials, replacement
from study_server.studies import images
from study_server.words import Flag, Kind, Mode, Outcome, Side, Source

CONSENT_VERSION = "1"  # of templates/participant/consent.html
PREFETCH = 4  # the trial that runs and three more


class UnknownTrial(LookupError):
    """No such trial, or somebody else's."""


class VoidedTrial(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


@dataclass(frozen=True)
class Answer:
    """What the browser says of one trial; times in ms."""

    side: Side
    rt_ms: int
    first_ms: float
    second_ms: float
    flags: Collection[Flag] = ()


def protocol_of(participant: Participant) -> Protocol:
    return stored_protocol(participant.study.protocol)


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
    release_abandoned(db, study, protocol)
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


def release_abandoned(db: Session, study: Study, protocol: Protocol) -> None:
    """Who has been silent too long gives their place back (and takes it again on return)."""
    silent_since = now() - timedelta(minutes=protocol.abandoned_after_minutes)
    db.execute(
        update(Participant)
        .where(
            Participant.study_id == study.id,
            Participant.outcome == Outcome.ACTIVE,
            Participant.seen_at < silent_since,
        )
        .values(outcome=Outcome.ABANDONED)
    )


def _filled(db: Session, study: Study, mode: Mode) -> dict[str, int]:
    """Complete and still active participants a method; previews and simulations count apart."""
    query = (
        select(Participant.method, func.count())
        .where(
            Participant.study_id == study.id,
            Participant.mode == mode,
            Participant.outcome.in_([Outcome.ACTIVE, Outcome.COMPLETE]),
        )
        .group_by(Participant.method)
    )
    return {method: count for method, count in db.execute(query) if method}


def _store_plan(db: Session, study: Study, participant: Participant) -> None:
    protocol = stored_protocol(study.protocol)
    methods = (participant.method,) if participant.method else protocol.methods
    rng = Random(f"{study.schedule_seed}:{participant.name}")
    plan = plan_trials(protocol, images(db, study), methods, rng)
    ids = _stimulus_ids(db, study)
    for slot, planned in enumerate(plan):
        db.add(_trial(participant, planned, ids, protocol.exposure_ms, slot))


def _stimulus_ids(db: Session, study: Study) -> dict[tuple[str, str], int]:
    query = select(Stimulus.image, Stimulus.method, Stimulus.id).where(
        Stimulus.study_id == study.id
    )
    return {(image, method): id_ for image, method, id_ in db.execute(query)}


def _trial(
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


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    query = select(Participant).where(Participant.token == token)
    query = query.options(joinedload(Participant.study, innerjoin=True))
    return db.scalar(query.with_for_update(of=Participant) if lock else query)


def touch(participant: Participant) -> None:
    """Somebody is there; an abandoned participant has come back."""
    participant.seen_at = now()
    if participant.outcome is Outcome.ABANDONED:
        participant.outcome = Outcome.ACTIVE


def upcoming(db: Session, participant: Participant, limit: int = PREFETCH) -> list[Trial]:
    """The next unanswered trials in the order they will be shown."""
    return list(
        db.scalars(
            select(Trial)
            .outerjoin(Response)
            .where(
                Trial.participant_id == participant.id,
                Trial.voided.is_(False),
                Response.trial_id.is_(None),
            )
            .order_by(Trial.slot)
            .limit(limit)
        )
    )


def resume(db: Session, participant: Participant) -> None:
    """Void what was interrupted, for its images were seen; another pair takes its place."""
    touch(participant)
    interrupted = [t for t in upcoming(db, participant) if t.started_at is not None]
    for trial in interrupted:
        trial.voided = True
        _replace(db, participant, trial)
    db.flush()


def _replace(db: Session, participant: Participant, voided: Trial) -> None:
    study = participant.study
    seen = set(
        db.scalars(select(Stimulus.image).join(Trial, Trial.real_id == Stimulus.id).where(
            Trial.participant_id == participant.id
        ))
    )  # fmt: skip
    planned = PlannedTrial(
        voided.kind, voided.block, voided.fake.image, voided.fake.method, voided.fake_side
    )
    rng = Random(f"{study.schedule_seed}:{participant.name}:{voided.slot}:{voided.attempt}")
    substitute = replacement(planned, images(db, study), seen, rng)
    ids, attempt = _stimulus_ids(db, study), voided.attempt + 1
    db.add(_trial(participant, substitute, ids, voided.exposure_ms, voided.slot, attempt))


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Raises UnknownTrial when it is not this participant's."""
    trial = db.scalar(
        select(Trial).where(Trial.token == token, Trial.participant_id == participant.id)
    )
    if trial is None:
        raise UnknownTrial(token)
    return trial


def start_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Its images are being seen from now on. Raises UnknownTrial, VoidedTrial."""
    trial = find_trial(db, participant, token)
    if trial.voided:
        raise VoidedTrial(token)
    if trial.started_at is None:
        trial.started_at = now()
    touch(participant)
    return trial


def record_response(db: Session, participant: Participant, token: str, answer: Answer) -> Trial:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    Returns the trial with the answer that stands. Raises UnknownTrial, VoidedTrial.
    """
    trial = start_trial(db, participant, token)  # where the word of its start was lost
    db.flush()
    try:
        with db.begin_nested():
            db.execute(insert(Response).values(trial_id=trial.id, **_columns(answer)))
    except IntegrityError:  # already answered: the primary key is the lock
        pass
    db.flush()
    db.refresh(trial)
    _finish_when_done(db, participant)
    return trial


def _columns(answer: Answer) -> dict[str, object]:
    flags = {flag.value: flag in answer.flags for flag in Flag if flag is not Flag.VOIDED}
    return {
        "answer": answer.side,
        "rt_ms": answer.rt_ms,
        "first_ms": answer.first_ms,
        "second_ms": answer.second_ms,
        "received_at": now(),
        **flags,
    }


def _finish_when_done(db: Session, participant: Participant) -> None:
    if participant.finished_at is None and not upcoming(db, participant, limit=1):
        participant.finished_at = now()
        participant.outcome = Outcome.COMPLETE


def progress(db: Session, participant: Participant) -> tuple[int, int]:
    """(answered, planned) trials; a voided one and its replacement count once."""
    mine = Trial.participant_id == participant.id, Trial.voided.is_(False)
    planned = db.scalar(select(func.count()).select_from(Trial).where(*mine)) or 0
    answered = db.scalar(
        select(func.count()).select_from(Trial).join(Response).where(*mine)
    )  # fmt: skip
    return answered or 0, planned


def score(db: Session, participant: Participant) -> tuple[int, int]:
    """(correct, answered) test pairs, as shown at the end; vigilance pairs do not count."""
    rows = db.execute(
        select(Trial.fake_side, Response.answer)
        .join(Response)
        .where(Trial.participant_id == participant.id, Trial.kind == Kind.TEST)
    )
    question = participant.study.question
    judged = [is_correct(question, fake_side, answer) for fake_side, answer in rows]
    return sum(judged), len(judged)


def is_correct(question: str, fake_side: Side, answer: Side) -> bool:
    """The fake was found, or the photograph where that was asked."""
    return answer is (fake_side if question == "fake" else fake_side.other)


def feedback(trial: Trial) -> dict[str, object] | None:
    """What an answered practice trial tells: the fake's side and whether it was found."""
    if trial.kind is not Kind.PRACTICE or trial.response is None:
        return None
    question = trial.participant.study.question
    correct = is_correct(question, trial.fake_side, trial.response.answer)
    return {"fake": trial.fake_side, "correct": correct}


def completion_code(participant: Participant) -> str | None:
    """No code without data: only who is complete has one."""
    if participant.outcome is not Outcome.COMPLETE:
        return None
    digest = hmac.digest(participant.study.key, f"code:{participant.name}".encode(), hashlib.sha256)
    return digest.hex()[:10].upper()


def describe_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store what the browser says of its screen; the first description stands."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))
