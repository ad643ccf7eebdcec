"""Store the response to a trial, and the participant's outcome after the last one."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.current_trial import (
    CurrentParticipant,
    CurrentTrial,
    UpcomingTrials,
    load_upcoming_trials,
    start_trial,
)
from study_server.participants.queries import (
    JUDGMENT_TABLE,
    PARTICIPANT_TABLE,
    RESPONSE_TABLE,
    UPDATE_OUTCOME,
)
from study_server.participants.replacement import void_and_replace
from study_server.participants.scoring import (
    build_feedback,
    decide_attention_check,
    decide_next_exposure,
    is_qualified,
)
from study_server.protocol.model import task_of
from study_server.storage.models import Participant, Trial
from study_server.storage.plan_counts import subtract_participants
from study_server.tasks.task import Feedback, WireAnswer
from study_server.vocabulary import DISTURBANCE_FLAGS, Outcome, TrialFlag, TrialKind

# Attempts per place in the plan. Participants with a permanently slow display must still be able to
# finish.
MAX_ATTEMPTS = 3
INSERT_RESPONSE, INSERT_JUDGMENTS = insert(RESPONSE_TABLE), insert(JUDGMENT_TABLE)
UPDATE_FINISHED = UPDATE_OUTCOME.where(PARTICIPANT_TABLE.c.finished_at.is_(None)).values(
    finished_at=bindparam("at")
)


@dataclass(frozen=True)
class SubmittedResponse:
    """The response to one trial as the browser reports it.

    answer: depends on the task (study_server/tasks/). first_ms, second_ms: achieved exposures;
    second_ms is None for a single image or if all images are shown at once. *_frames: the exposures
    in animation frames. early_inputs: inputs ignored because the buttons were not yet shown.
    repeated_inputs: ignored repeats of a held key or a double click. input: the input device
    according to the event. scale: the displayed size of the images in CSS pixels, divided by their
    own. message_id: the browser's id of this response, the same if it is sent again.
    """

    answer: WireAnswer
    rt_ms: int
    first_ms: float
    second_ms: float | None = None
    first_frames: int | None = None
    second_frames: int | None = None
    early_inputs: int = 0
    repeated_inputs: int = 0
    input: str = ""
    scale: float | None = None
    flags: Collection[TrialFlag] = ()
    message_id: str | None = None


@dataclass(frozen=True)
class RecordedResponse:
    """The feedback to the stored answer, and the upcoming trials."""

    feedback: Feedback | None
    upcoming: UpcomingTrials


def record_response(
    db: Connection, trial: CurrentTrial, submitted: SubmittedResponse
) -> RecordedResponse:
    """Store the response to a trial and return the feedback to it and the upcoming trials.

    The first answer is final, because browsers retry, people double-click and tabs race. If the
    protocol says so, a disturbed trial is voided, with its answer, and replaced. Raises
    VoidedTrialError, ParticipationOverError or InvalidAnswerError.
    """
    if trial.is_answered:
        ahead = load_upcoming_trials(db, trial.participant)
        return RecordedResponse(build_feedback(db, trial), ahead)
    person = _store(db, trial, submitted)
    ahead = load_upcoming_trials(db, person)
    outcome = _outcome_after(db, trial, ahead)
    if outcome is Outcome.SCREENED_OUT:
        subtract_participants(db, person.study_id, [person.id])
    if outcome:
        db.execute(UPDATE_FINISHED, {"row": person.id, "at": now(), "now_is": outcome})
        ahead = replace(ahead, trials=[])
    return RecordedResponse(build_feedback(db, trial), ahead)


def _store(db: Connection, trial: CurrentTrial, submitted: SubmittedResponse) -> CurrentParticipant:
    person = start_trial(db, trial)  # in case the browser's "start" message never arrived
    judgments = task_of(person.protocol).parse_answer(person.protocol, submitted.answer)
    db.execute(INSERT_RESPONSE, {"trial_id": trial.id, **_response_columns(submitted)})
    db.execute(INSERT_JUDGMENTS, [{"trial_id": trial.id, **one._asdict()} for one in judgments])
    if trial.kind is TrialKind.ATTENTION:
        decide_attention_check(db, trial)
    if _must_be_replaced(trial, submitted):
        _replace(db, trial)
    else:
        decide_next_exposure(db, trial)
    return person


def _replace(db: Connection, trial: CurrentTrial) -> None:
    with Session(db) as objects:  # within the connection's transaction
        participant = objects.get_one(Participant, trial.participant.id)
        void_and_replace(objects, participant, objects.get_one(Trial, trial.id))


def _must_be_replaced(trial: CurrentTrial, submitted: SubmittedResponse) -> bool:
    """Return whether a disturbed trial is replaced; practice is not, as it is not analyzed."""
    return (
        trial.participant.protocol.disturbed == "replace"
        and trial.kind is not TrialKind.PRACTICE
        and trial.attempt + 1 < MAX_ATTEMPTS
        and any(flag in DISTURBANCE_FLAGS for flag in submitted.flags)
    )


def _response_columns(submitted: SubmittedResponse) -> dict[str, object]:
    flags = {
        flag.value: flag in submitted.flags for flag in TrialFlag if flag is not TrialFlag.VOIDED
    }
    return {
        "rt_ms": submitted.rt_ms,
        "first_ms": submitted.first_ms,
        "second_ms": submitted.second_ms,
        "first_frames": submitted.first_frames,
        "second_frames": submitted.second_frames,
        "early": submitted.early_inputs,
        "held": submitted.repeated_inputs,
        "input": submitted.input,
        "scale": submitted.scale,
        "received_at": now(),
        "message_id": submitted.message_id,
        **flags,
    }


def _outcome_after(db: Connection, trial: CurrentTrial, ahead: UpcomingTrials) -> Outcome | None:
    """Return the outcome this answer leads to, or None while trials remain."""
    if ahead.answered == ahead.planned:
        return Outcome.COMPLETE
    over = (
        trial.kind is TrialKind.QUALIFICATION
        and ahead.trials[0].kind is not TrialKind.QUALIFICATION
    )
    return Outcome.SCREENED_OUT if over and not _is_qualified(db, trial.participant) else None


def _is_qualified(db: Connection, participant: CurrentParticipant) -> bool:
    with Session(db) as objects:
        return is_qualified(objects, objects.get_one(Participant, participant.id))
