"""Void and replace trials that were interrupted or could not be shown."""

import secrets
from dataclasses import replace
from random import Random

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.current_trial import (
    VoidedTrialError,
    record_presence,
    require_active,
)
from study_server.participants.participation import (
    find_trial,
    find_unanswered_trials,
    protocol_of,
    to_current_participant,
)
from study_server.participants.planned_trials import (
    StimulusIds,
    insert_trials,
    stimulus_rows,
)
from study_server.protocol.image_draws import StimulusKey, image_pools
from study_server.protocol.schedule import PlannedTrial, plan_replacement
from study_server.storage.models import Incident, Participant, Stimulus, Trial, TrialStimulus
from study_server.storage.plan_count_queries import load_planned_stimuli
from study_server.storage.plan_counts import add_trial, subtract_trial
from study_server.tasks.task import InvalidAnswerError
from study_server.vocabulary import StimulusRole, TrialKind

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
    db: Session, participant: Participant, token: str, slot: int, status: int | None
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
    if slot >= len(trial.stimuli):
        raise InvalidAnswerError(f"slot: got {slot}, expected 0 to {len(trial.stimuli) - 1}")
    require_active(db.connection(), to_current_participant(participant))
    db.expire(participant)  # the statement above changed the row
    db.add(Incident(trial_id=trial.id, slot=slot, http_status=status, reported_at=now()))
    void_and_replace(db, participant, trial)


def _count_incidents(db: Session, participant: Participant) -> int:
    own = select(func.count()).select_from(Incident).join(Trial)
    return db.scalar(own.where(Trial.participant_id == participant.id)) or 0


def void_and_replace(db: Session, participant: Participant, trial: Trial) -> None:
    """Void a trial and plan another one in its place."""
    subtract_trial(db.connection(), participant.study_id, trial.id)
    trial.voided = True
    _replace(db, participant, trial)
    db.flush()


def _replace(db: Session, participant: Participant, voided: Trial) -> None:
    study, protocol = participant.study, protocol_of(participant)
    ids, views = load_planned_stimuli(db, study, participant.mode)
    rng = Random(f"{study.schedule_seed}:{participant.public_id}:{voided.place}:{voided.attempt}")
    used_images = _images_used(db, participant, voided)
    planned = plan_replacement(
        protocol,
        to_planned_trial(voided),
        image_pools(ids),
        used_images,
        views,
        rng,
        _shares_images(db, participant, voided),
    )
    (trial_id,) = insert_trials(db, participant, [(voided.place, voided.attempt + 1, planned)], ids)
    add_trial(db.connection(), study.id, trial_id)
    repeats = Trial.participant_id == participant.id, Trial.repeat_of == voided.place
    unseen = Trial.started_at.is_(None), Trial.voided.is_(False)
    for repeat in db.scalars(select(Trial).where(*repeats, *unseen)):
        _show_instead(db, repeat, planned, ids)


def _show_instead(db: Session, repeat: Trial, planned: PlannedTrial, ids: StimulusIds) -> None:
    """Let a repeat show the stimuli of the trial that it now repeats, in its own slots."""
    slots = {one.method: slot for slot, one in enumerate(repeat.candidates)}
    in_order = sorted(planned.candidates, key=lambda key: slots[key.method])
    again = replace(planned, candidates=tuple(in_order), appears=to_planned_trial(repeat).appears)
    db.execute(delete(TrialStimulus).where(TrialStimulus.trial_id == repeat.id))
    db.execute(insert(TrialStimulus), stimulus_rows(repeat.id, again, ids))
    db.expire(repeat, ["stimuli"])
    repeat.token = secrets.token_urlsafe(16)  # the old images may have been prefetched


def _shares_images(db: Session, participant: Participant, voided: Trial) -> bool:
    """Return whether another trial shows the same images, apart from repeats of this one."""
    images = {one.image for one in voided.candidates}
    query = select(Trial.id).join(TrialStimulus).join(Stimulus)
    others = query.where(
        _shows_other_images(participant, voided),
        Trial.place != voided.place,
        Trial.voided.is_(False),
        Trial.repeat_of.is_(None),
        Stimulus.image.in_(images),
    )
    return voided.repeat_of is None and db.scalar(others.limit(1)) is not None


def _images_used(db: Session, participant: Participant, voided: Trial) -> set[str]:
    """Return the images, seen or planned, that a trial in place of this one must not show."""
    query = select(Stimulus.image).join(TrialStimulus).join(Trial)
    return set(db.scalars(query.where(_shows_other_images(participant, voided))))


def _shows_other_images(participant: Participant, voided: Trial) -> ColumnElement[bool]:
    """Return the condition for the participant's trials whose images must differ from a trial's.

    These are all trials, but in a staircase the other blocks may show the same images.
    """
    own = Trial.participant_id == participant.id
    if protocol_of(participant).staircase is None or voided.kind is not TrialKind.TEST:
        return own
    return own & ((Trial.block == voided.block) | (Trial.kind != TrialKind.TEST))


def to_planned_trial(trial: Trial) -> PlannedTrial:
    """Convert a stored trial to the PlannedTrial it was made from."""
    candidates = [one for one in trial.stimuli if one.role is StimulusRole.CANDIDATE]
    return PlannedTrial(
        trial.kind,
        trial.block,
        tuple(key_of(one.stimulus) for one in candidates),
        tuple(one.appears for one in candidates),
        trial.exposure_ms,
        trial.repeat_of,
        next((key_of(one.stimulus) for one in trial.stimuli if one not in candidates), None),
    )


def key_of(stimulus: Stimulus) -> StimulusKey:
    """Return the source image and method of a stimulus."""
    return StimulusKey(stimulus.image, stimulus.method)
