"""The service behind the trials: resume, next trials, record a response, finish."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from study_server.clock import now
from study_server.enrolment import count_views, new_trial, pools_of, stimulus_ids
from study_server.models import Environment, Incident, Participant, Response, Stimulus, Trial
from study_server.protocol import Protocol, stored_protocol
from study_server.schedule import PlannedTrial, substitute
from study_server.scoring import progress, qualified
from study_server.studies import UNFINISHED, late_since
from study_server.words import DISTURBING, Choice, Flag, Kind, Outcome, Place

MOST_ATTEMPTS = 3  # at a slot: whose screen always disturbs must get on all the same
MOST_INCIDENTS = 10  # at a slot: more is no accident
ENDED = (Outcome.TIMED_OUT, Outcome.SCREENED_OUT, Outcome.RETURNED)  # before the last trial


# the queries of every request, built once
PARTICIPANT = select(Participant).where(Participant.token == bindparam("token"))
PARTICIPANT_LOCKED = PARTICIPANT.with_for_update(of=Participant).options(
    joinedload(Participant.study, innerjoin=True)
)
TRIAL = (
    select(Trial)
    .where(Trial.token == bindparam("token"))
    .where(Trial.participant_id == bindparam("participant_id"))
    .options(joinedload(Trial.response))
)
UPCOMING = (
    select(Trial)
    .outerjoin(Response)
    .where(Trial.participant_id == bindparam("participant_id"))
    .where(Trial.voided.is_(False), Response.trial_id.is_(None))
    .order_by(Trial.slot)
    .limit(bindparam("limit"))
)


class UnknownTrial(LookupError):
    """No such trial, or somebody else's."""


class VoidedTrial(Exception):
    """The trial was interrupted and replaced; its answer no longer counts."""


class Over(Exception):
    """Taking part is over, by the clock or for who did not qualify; nothing more is stored."""


class UnfitAnswer(ValueError):
    """What no trial of this kind can be told, such as a side of a single image."""


@dataclass(frozen=True)
class Answer:
    """What the browser says of one trial.

    first_ms, second_ms: achieved exposures; no second one where there is one image, or where both
    are shown at once. *_frames: how many animation frames those took. early, held: events that were
    ignored, before the buttons were there, or of a key held down. input: what pressed, as the event
    says. id: the browser's own, the same whenever it sends this answer.
    """

    choice: Choice
    rt_ms: int
    first_ms: float
    second_ms: float | None = None
    first_frames: int | None = None
    second_frames: int | None = None
    early: int = 0
    held: int = 0
    input: str = ""
    flags: Collection[Flag] = ()
    id: str | None = None


def protocol_of(participant: Participant) -> Protocol:
    return stored_protocol(participant.study.protocol)


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    return db.scalar(PARTICIPANT_LOCKED if lock else PARTICIPANT, {"token": token})


def touch(participant: Participant) -> None:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    participant.seen_at = now()
    if participant.outcome in UNFINISHED:
        late = participant.started_at < late_since(participant.study)
        participant.outcome = Outcome.TIMED_OUT if late else Outcome.ACTIVE


def has_begun(db: Session, participant: Participant) -> bool:
    """Whether any trial was shown."""
    shown = Trial.participant_id == participant.id, Trial.started_at.is_not(None)
    return db.scalar(select(Trial.id).where(*shown).limit(1)) is not None


def upcoming(db: Session, participant: Participant, limit: int | None = None) -> list[Trial]:
    """The next unanswered trials in the order they will be shown; none once it is over.

    limit: without one, the trial that runs and those that the protocol fetches ahead.
    """
    if participant.outcome in ENDED:
        return []
    limit = limit or 1 + protocol_of(participant).ahead
    return list(db.scalars(UPCOMING, {"participant_id": participant.id, "limit": limit}))


def resume(db: Session, participant: Participant) -> None:
    """Void what was interrupted, for its images were seen; another pair takes its place."""
    touch(participant)
    interrupted = [t for t in upcoming(db, participant) if t.started_at is not None]
    for trial in interrupted:
        _void(db, participant, trial)


def report_incident(
    db: Session, participant: Participant, token: str, place: Place, status: int | None
) -> None:
    """An image of a trial that nobody saw yet cannot be had: another trial takes its place.

    Raises as start_trial, and UnfitAnswer where the trial has begun, or was replaced too often.
    """
    trial = find_trial(db, participant, token)
    if db.get(Incident, trial.id) is not None:
        return  # it was told before
    if trial.voided or trial.response is not None:
        raise VoidedTrial(token)
    if trial.started_at is not None or trial.attempt >= MOST_INCIDENTS:
        raise UnfitAnswer("this trial is not replaced: it has begun, or others were already")
    _be_there(participant)
    db.add(Incident(trial_id=trial.id, place=place, status=status, reported_at=now()))
    _void(db, participant, trial)


def _void(db: Session, participant: Participant, trial: Trial) -> None:
    trial.voided = True
    _replace(db, participant, trial)
    db.flush()


def _replace(db: Session, participant: Participant, voided: Trial) -> None:
    study, protocol = participant.study, protocol_of(participant)
    ids = stimulus_ids(db, study)
    rng = Random(f"{study.schedule_seed}:{participant.name}:{voided.slot}:{voided.attempt}")
    views = count_views(db, study, participant.mode)
    dealt = _images_dealt(db, participant)
    planned = substitute(protocol, as_planned(voided), pools_of(ids), dealt, views, rng)
    trial = new_trial(participant, planned, ids, voided.slot, voided.attempt + 1)
    db.add(trial)
    repeats = Trial.participant_id == participant.id, Trial.repeat_of == voided.slot
    unseen = Trial.started_at.is_(None), Trial.voided.is_(False)
    for repeat in db.scalars(select(Trial).where(*repeats, *unseen)):
        repeat.fake_id, repeat.real_id = trial.fake_id, trial.real_id
        repeat.token = secrets.token_urlsafe(16)  # its images may have been fetched ahead


def _images_dealt(db: Session, participant: Participant) -> set[str]:
    """Every image in a trial of this participant, seen already or planned."""
    mine = or_(Trial.fake_id == Stimulus.id, Trial.real_id == Stimulus.id)
    query = select(Stimulus.image).join(Trial, mine)
    return set(db.scalars(query.where(Trial.participant_id == participant.id)))


def as_planned(trial: Trial) -> PlannedTrial:
    """What a stored trial was planned to be."""
    paired = trial.fake_side is not None and trial.real is not None
    return PlannedTrial(
        trial.kind,
        trial.block,
        trial.shown.image,
        trial.shown.method,
        trial.real.image if paired and trial.real else None,
        trial.fake_side,
        trial.first_side,
        trial.exposure_ms,
        trial.repeat_of,
    )


def find_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Raises UnknownTrial when it is not this participant's."""
    trial = db.scalar(TRIAL, {"token": token, "participant_id": participant.id})
    if trial is None:
        raise UnknownTrial(token)
    return trial


def start_trial(db: Session, participant: Participant, token: str) -> Trial:
    """Its images are being seen from now on. Raises UnknownTrial, VoidedTrial, Over."""
    trial = find_trial(db, participant, token)
    _start(participant, trial)
    return trial


def _start(participant: Participant, trial: Trial) -> None:
    if trial.voided:
        raise VoidedTrial(trial.token)
    _be_there(participant)
    if trial.started_at is None:
        trial.started_at = now()


def _be_there(participant: Participant) -> None:
    touch(participant)
    if participant.outcome in ENDED:
        raise Over(participant.name)


def record_response(db: Session, participant: Participant, token: str, answer: Answer) -> Trial:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    participant: as found with lock, so that answers which race take turns.
    A disturbed trial is voided and replaced where the protocol says so, its answer kept with it.
    Returns the trial with the answer that stands. Raises UnknownTrial, VoidedTrial, Over,
    UnfitAnswer.
    """
    trial = find_trial(db, participant, token)
    if trial.response is not None:
        return trial
    _start(participant, trial)  # where the word of that was lost
    if answer.choice not in (trial.truth, trial.truth.other):
        possible = " or ".join(sorted((trial.truth, trial.truth.other)))
        raise UnfitAnswer(f"answer {answer.choice} to a trial that asks for {possible}")
    trial.response = Response(**_columns(answer))
    if _must_be_replaced(participant, trial, answer):
        _void(db, participant, trial)
    _finish_when_done(db, trial)
    return trial


def _must_be_replaced(participant: Participant, trial: Trial, answer: Answer) -> bool:
    """Practice, which is not analysed, is not shown again."""
    return (
        protocol_of(participant).disturbed == "replace"
        and trial.kind is not Kind.PRACTICE
        and trial.attempt + 1 < MOST_ATTEMPTS
        and any(flag in DISTURBING for flag in answer.flags)
    )


def _columns(answer: Answer) -> dict[str, object]:
    flags = {flag.value: flag in answer.flags for flag in Flag if flag is not Flag.VOIDED}
    return {
        "answer": answer.choice,
        "rt_ms": answer.rt_ms,
        "first_ms": answer.first_ms,
        "second_ms": answer.second_ms,
        "first_frames": answer.first_frames,
        "second_frames": answer.second_frames,
        "early": answer.early,
        "held": answer.held,
        "input": answer.input,
        "received_at": now(),
        "message_id": answer.id,
        **flags,
    }


def _finish_when_done(db: Session, answered: Trial) -> None:
    participant = answered.participant
    if participant.finished_at is not None:
        return
    stored, planned = progress(db, participant)
    if stored == planned:
        participant.finished_at, participant.outcome = now(), Outcome.COMPLETE
        return
    if answered.kind is not Kind.QUALIFICATION:
        return
    (following,) = upcoming(db, participant, limit=1)
    if following.kind is not Kind.QUALIFICATION and not qualified(db, participant):
        participant.finished_at, participant.outcome = now(), Outcome.SCREENED_OUT


def describe_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store what the browser says of its screen; the first description stands."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))
