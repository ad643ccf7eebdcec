"""The service behind the trials: resume, next trials, record a response, finish."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from study_server.clock import now
from study_server.enrolment import count_views, new_trial, stimulus_ids
from study_server.models import (
    Environment,
    Participant,
    Response,
    Stimulus,
    Trial,
)
from study_server.protocol import Protocol, stored_protocol
from study_server.schedule import PlannedTrial, replacement
from study_server.studies import UNFINISHED, images, late_since
from study_server.words import Flag, Kind, Outcome, Side

PREFETCH = 4  # the trial that runs and three more


class UnknownTrial(LookupError):
    """No such trial, or somebody else's."""


class VoidedTrial(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


class TimedOut(Exception):
    """The time for taking part is over; nothing more is stored."""


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


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    query = select(Participant).where(Participant.token == token)
    query = query.options(joinedload(Participant.study, innerjoin=True))
    return db.scalar(query.with_for_update(of=Participant) if lock else query)


def touch(participant: Participant) -> None:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    participant.seen_at = now()
    if participant.outcome in UNFINISHED:
        late = participant.started_at < late_since(participant.study)
        participant.outcome = Outcome.TIMED_OUT if late else Outcome.ACTIVE


def upcoming(db: Session, participant: Participant, limit: int = PREFETCH) -> list[Trial]:
    """The next unanswered trials in the order they will be shown; none once time is over."""
    if participant.outcome is Outcome.TIMED_OUT:
        return []
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
    views = count_views(db, study, participant.mode)
    substitute = replacement(planned, images(db, study), seen, views, rng)
    ids, attempt = stimulus_ids(db, study), voided.attempt + 1
    db.add(new_trial(participant, substitute, ids, voided.exposure_ms, voided.slot, attempt))


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Raises UnknownTrial when it is not this participant's."""
    trial = db.scalar(
        select(Trial).where(Trial.token == token, Trial.participant_id == participant.id)
    )
    if trial is None:
        raise UnknownTrial(token)
    return trial


def start_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Its images are being seen from now on. Raises UnknownTrial, VoidedTrial, TimedOut."""
    trial = find_trial(db, participant, token)
    if trial.voided:
        raise VoidedTrial(token)
    touch(participant)
    if participant.outcome is Outcome.TIMED_OUT:
        raise TimedOut(token)
    if trial.started_at is None:
        trial.started_at = now()
    return trial


def record_response(db: Session, participant: Participant, token: str, answer: Answer) -> Trial:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    Returns the trial with the answer that stands. Raises UnknownTrial, VoidedTrial, TimedOut.
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
