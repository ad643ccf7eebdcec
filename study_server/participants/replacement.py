"""Void and replace trials that were interrupted or could not be shown."""

import secrets
from random import Random

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.current_trial import (
    InvalidAnswerError,
    VoidedTrialError,
    record_presence,
    require_active,
)
from study_server.participants.enrollment import (
    build_trial,
    count_views,
    image_pools,
    load_stimulus_ids,
)
from study_server.participants.participation import (
    find_trial,
    find_unanswered_trials,
    protocol_of,
    to_current_participant,
)
from study_server.protocol.schedule import PlannedTrial, plan_replacement
from study_server.storage.models import Incident, Participant, Stimulus, Trial
from study_server.vocabulary import Slot

# Replacements per place in the plan for images that fail to load. More than this is not bad luck
# but a broken setup or a participant who skips trials.
MAX_ATTEMPTS_AFTER_INCIDENTS = 10


# Interrupted trials per participant that are replaced. More interruptions than this are not bad
# luck; the participant reloads the page to see more pairs.
MAX_INTERRUPTIONS = 10
# Incidents per participant, for the same reason: images can be fetched before they are reported.
MAX_INCIDENTS = 30


def void_interrupted_trials(db: Session, participant: Participant) -> None:
    """Void and replace started but unanswered trials, because their images were seen.

    The interruptions are counted. After MAX_INTERRUPTIONS, the same images are shown again: the
    participant can still finish, but such a trial counts as little as a voided one.
    """
    record_presence(db.connection(), to_current_participant(participant))
    db.expire(participant)  # the statement above changed the row
    for trial in find_unanswered_trials(db, participant):
        participant.interruptions += 1
        if participant.interruptions <= MAX_INTERRUPTIONS:
            void_and_replace(db, participant, trial)
        else:
            trial.reshown = True


def report_incident(
    db: Session, participant: Participant, token: str, slot: Slot, status: int | None
) -> None:
    """Record that an image of an unseen trial failed to load, and replace the trial.

    Raises UnknownTrialError, VoidedTrialError or ParticipationOverError, and InvalidAnswerError if
    the trial has started, or if it or the participant's trials were replaced too often.
    """
    trial = find_trial(db, participant, token)
    if db.get(Incident, trial.id) is not None:
        return  # already reported
    if trial.voided or trial.response is not None:
        raise VoidedTrialError(token)
    if trial.started_at is not None or trial.attempt >= MAX_ATTEMPTS_AFTER_INCIDENTS:
        raise InvalidAnswerError(
            "this trial cannot be replaced: it has started, or it has been replaced too often"
        )
    if _count_incidents(db, participant) >= MAX_INCIDENTS:
        raise InvalidAnswerError("this trial cannot be replaced: too many images failed to load")
    require_active(db.connection(), to_current_participant(participant))
    db.expire(participant)  # the statement above changed the row
    db.add(Incident(trial_id=trial.id, slot=slot, http_status=status, reported_at=now()))
    void_and_replace(db, participant, trial)


def _count_incidents(db: Session, participant: Participant) -> int:
    own = select(func.count()).select_from(Incident).join(Trial)
    return db.scalar(own.where(Trial.participant_id == participant.id)) or 0


def void_and_replace(db: Session, participant: Participant, trial: Trial) -> None:
    """Void a trial and plan another one in its place."""
    trial.voided = True
    _replace(db, participant, trial)
    db.flush()


def _replace(db: Session, participant: Participant, voided: Trial) -> None:
    study, protocol = participant.study, protocol_of(participant)
    ids = load_stimulus_ids(db, study)
    rng = Random(f"{study.schedule_seed}:{participant.public_id}:{voided.slot}:{voided.attempt}")
    views = count_views(db, study, participant.mode, ids)
    used_images = _images_used(db, participant)
    planned = plan_replacement(
        protocol, to_planned_trial(voided), image_pools(ids), used_images, views, rng
    )
    trial = build_trial(participant, planned, ids, voided.slot, voided.attempt + 1)
    db.add(trial)
    repeats = Trial.participant_id == participant.id, Trial.repeat_of == voided.slot
    unseen = Trial.started_at.is_(None), Trial.voided.is_(False)
    for repeat in db.scalars(select(Trial).where(*repeats, *unseen)):
        repeat.fake_id, repeat.real_id = trial.fake_id, trial.real_id
        repeat.token = secrets.token_urlsafe(16)  # the old images may have been prefetched


def _images_used(db: Session, participant: Participant) -> set[str]:
    """Return the images of all trials of this participant, seen or planned."""
    is_image_of_trial = or_(Trial.fake_id == Stimulus.id, Trial.real_id == Stimulus.id)
    query = select(Stimulus.image).join(Trial, is_image_of_trial)
    return set(db.scalars(query.where(Trial.participant_id == participant.id)))


def to_planned_trial(trial: Trial) -> PlannedTrial:
    """Convert a stored trial to the PlannedTrial it was made from."""
    paired = trial.fake_side is not None and trial.real is not None
    return PlannedTrial(
        trial.kind,
        trial.block,
        trial.main_stimulus.image,
        trial.main_stimulus.method,
        trial.real.image if paired and trial.real else None,
        trial.fake_side,
        trial.first_side,
        trial.exposure_ms,
        trial.repeat_of,
    )
