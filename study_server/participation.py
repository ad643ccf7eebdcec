"""The service behind the trials: resume, next trials, record a response, finish."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from study_server.clock import now
from study_server.enrolment import count_views, new_trial, pools_of, stimulus_ids
from study_server.models import Base, Environment, Incident, Participant, Response, Stimulus, Trial
from study_server.protocol import Protocol, stored_protocol
from study_server.schedule import PlannedTrial, substitute
from study_server.scoring import qualified
from study_server.studies import UNFINISHED, late_since
from study_server.words import DISTURBING, Choice, Flag, Kind, Outcome, Place

MOST_ATTEMPTS = 3  # at a slot: whose screen always disturbs must get on all the same
MOST_INCIDENTS = 10  # at a slot: more is no accident
SEEN_TO = timedelta(seconds=10)  # so exactly is noted when somebody was there
ENDED = (Outcome.TIMED_OUT, Outcome.SCREENED_OUT, Outcome.RETURNED)  # before the last trial


# the statements of every request, built once
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
)
# to and from the tables themselves: objects would take longer than all the rest of a request
PEOPLE, TRIALS, RESPONSES = (Base.metadata.tables[n] for n in ("participant", "trial", "response"))
SEE = update(PEOPLE).where(PEOPLE.c.id == bindparam("row")).values(seen_at=bindparam("at"))
BEGIN = update(TRIALS).where(TRIALS.c.id == bindparam("row")).values(started_at=bindparam("at"))
STORE = insert(RESPONSES)
AHEAD = (
    select(
        TRIALS,
        RESPONSES.c.trial_id.is_not(None).label("over"),
        func.count(RESPONSES.c.trial_id).over().label("answered"),
        func.count().over().label("planned"),
    )
    .join(RESPONSES, isouter=True)
    .where(TRIALS.c.participant_id == bindparam("participant_id"), TRIALS.c.voided.is_(False))
    .order_by("over", TRIALS.c.slot)
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


@dataclass(frozen=True)
class Ahead:
    """How many trials of all kinds were answered and planned, and the next ones, in order.

    trials: rows with the columns of a trial.
    """

    answered: int
    planned: int
    trials: Sequence[Row[Any]]


@dataclass(frozen=True)
class Recorded:
    """The answer that stands for a trial, and what is ahead now."""

    trial: Trial
    choice: Choice
    ahead: Ahead


def protocol_of(participant: Participant) -> Protocol:
    return stored_protocol(participant.study.protocol)


def find_participant(db: Session, token: str, lock: bool = False) -> Participant | None:
    """By the token that makes somebody this participant.

    lock: other writers wait until this transaction ends, so that two tabs take turns.
    """
    return db.scalar(PARTICIPANT_LOCKED if lock else PARTICIPANT, {"token": token})


def touch(db: Session, participant: Participant) -> None:
    """Somebody is there; an abandoned participant has come back, unless their time is over."""
    if not -SEEN_TO < now() - participant.seen_at < SEEN_TO:
        _note(db, SEE, participant, "seen_at")
    if participant.outcome in UNFINISHED:
        late = participant.started_at < late_since(participant.study)
        outcome = Outcome.TIMED_OUT if late else Outcome.ACTIVE
        if participant.outcome is not outcome:  # set to what it is, it would be looked at anew
            participant.outcome = outcome


def _note(db: Session, statement: Update, row: Participant | Trial, moment: str) -> None:
    """That it is now, in the database and in the row at hand."""
    at = now()
    db.execute(statement, {"row": row.id, "at": at})
    set_committed_value(row, moment, at)


def has_begun(db: Session, participant: Participant) -> bool:
    """Whether any trial was shown."""
    shown = Trial.participant_id == participant.id, Trial.started_at.is_not(None)
    return db.scalar(select(Trial.id).where(*shown).limit(1)) is not None


def upcoming(db: Session, participant: Participant) -> list[Trial]:
    """The unanswered trials in the order they will be shown; none once it is over."""
    if participant.outcome in ENDED:
        return []
    return list(db.scalars(UPCOMING, {"participant_id": participant.id}))


def look_ahead(db: Session, participant: Participant) -> Ahead:
    """How far it is, and what comes next: what runs and what the protocol fetches ahead."""
    limit = 1 + protocol_of(participant).ahead
    rows = db.execute(AHEAD, {"participant_id": participant.id, "limit": limit}).all()
    goes_on = participant.outcome not in ENDED
    trials = [row for row in rows if goes_on and not row.over]
    return Ahead(rows[0].answered, rows[0].planned, trials)


def resume(db: Session, participant: Participant) -> None:
    """Void what was interrupted, for its images were seen; another pair takes its place."""
    touch(db, participant)
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
    _be_there(db, participant)
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
    _start(db, participant, trial)
    return trial


def _start(db: Session, participant: Participant, trial: Trial) -> None:
    if trial.voided:
        raise VoidedTrial(trial.token)
    _be_there(db, participant)
    if trial.started_at is None:
        _note(db, BEGIN, trial, "started_at")


def _be_there(db: Session, participant: Participant) -> None:
    touch(db, participant)
    if participant.outcome in ENDED:
        raise Over(participant.name)


def record_response(db: Session, participant: Participant, token: str, answer: Answer) -> Recorded:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    participant: as found with lock, so that answers which race take turns.
    A disturbed trial is voided and replaced where the protocol says so, its answer kept with it.
    Raises UnknownTrial, VoidedTrial, Over, UnfitAnswer.
    """
    trial = find_trial(db, participant, token)
    if trial.response is not None:
        return Recorded(trial, trial.response.answer, look_ahead(db, participant))
    _store(db, participant, trial, answer)
    ahead = look_ahead(db, participant)
    outcome = _reached(db, participant, trial, ahead)
    if outcome and participant.finished_at is None:
        participant.finished_at, participant.outcome = now(), outcome
        ahead = replace(ahead, trials=[])
    return Recorded(trial, answer.choice, ahead)


def _store(db: Session, participant: Participant, trial: Trial, answer: Answer) -> None:
    _start(db, participant, trial)  # where the word of that was lost
    if answer.choice not in (trial.truth, trial.truth.other):
        possible = " or ".join(sorted((trial.truth, trial.truth.other)))
        raise UnfitAnswer(f"answer {answer.choice} to a trial that asks for {possible}")
    db.execute(STORE, {"trial_id": trial.id, **_columns(answer)})
    db.expire(trial, ["response"])
    if _must_be_replaced(participant, trial, answer):
        _void(db, participant, trial)


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


def _reached(
    db: Session, participant: Participant, answered: Trial, ahead: Ahead
) -> Outcome | None:
    """What an answer brings taking part to, if to its end."""
    if ahead.answered == ahead.planned:
        return Outcome.COMPLETE
    over = answered.kind is Kind.QUALIFICATION and ahead.trials[0].kind is not Kind.QUALIFICATION
    return Outcome.SCREENED_OUT if over and not qualified(db, participant) else None


def describe_environment(db: Session, participant: Participant, **facts: object) -> None:
    """Store what the browser says of its screen; the first description stands."""
    if db.get(Environment, participant.id) is None:
        db.add(Environment(participant_id=participant.id, **facts))
