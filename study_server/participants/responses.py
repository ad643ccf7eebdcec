"""Storing the answer to a trial, once, and the end of taking part where it is the last."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.current_trial import (
    CurrentParticipant,
    CurrentTrial,
    InvalidAnswerError,
    UpcomingTrials,
    load_upcoming_trials,
    start_trial,
)
from study_server.participants.queries import PARTICIPANT_TABLE, RESPONSE_TABLE, UPDATE_OUTCOME
from study_server.participants.replacement import void_and_replace
from study_server.participants.scoring import is_qualified
from study_server.storage.models import Participant, Trial
from study_server.vocabulary import DISTURBANCE_FLAGS, Answer, Outcome, TrialFlag, TrialKind

MAX_ATTEMPTS = 3  # at a slot: whose screen always disturbs must get on all the same
INSERT_RESPONSE = insert(RESPONSE_TABLE)
UPDATE_FINISHED = UPDATE_OUTCOME.where(PARTICIPANT_TABLE.c.finished_at.is_(None)).values(
    finished_at=bindparam("at")
)


@dataclass(frozen=True)
class SubmittedResponse:
    """What the browser says of one trial.

    first_ms, second_ms: achieved exposures; no second one where there is one image, or where both
    are shown at once. *_frames: how many animation frames those took. early, held: events that were
    ignored, before the buttons were there, or of a key held down. input: what pressed, as the event
    says. id: the browser's own, the same whenever it sends this answer.
    """

    answer: Answer
    rt_ms: int
    first_ms: float
    second_ms: float | None = None
    first_frames: int | None = None
    second_frames: int | None = None
    early_inputs: int = 0
    repeated_inputs: int = 0
    input: str = ""
    flags: Collection[TrialFlag] = ()
    message_id: str | None = None


@dataclass(frozen=True)
class RecordedResponse:
    """The answer that stands for a trial, and what is ahead now."""

    answer: Answer
    upcoming: UpcomingTrials


def record_response(
    db: Connection, trial: CurrentTrial, submitted: SubmittedResponse
) -> RecordedResponse:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    A disturbed trial is voided and replaced where the protocol says so, its answer kept with it.
    Raises VoidedTrialError, ParticipationOverError, InvalidAnswerError.
    """
    if trial.answer is not None:
        return RecordedResponse(trial.answer, load_upcoming_trials(db, trial.participant))
    person = _store(db, trial, submitted)
    ahead = load_upcoming_trials(db, person)
    outcome = _outcome_after(db, trial, ahead)
    if outcome:
        db.execute(UPDATE_FINISHED, {"row": person.id, "at": now(), "now_is": outcome})
        ahead = replace(ahead, trials=[])
    return RecordedResponse(submitted.answer, ahead)


def _store(db: Connection, trial: CurrentTrial, submitted: SubmittedResponse) -> CurrentParticipant:
    person = start_trial(db, trial)  # where the word of that was lost
    if submitted.answer not in (trial.truth, trial.truth.other):
        possible = " or ".join(sorted((trial.truth, trial.truth.other)))
        raise InvalidAnswerError(f"answer {submitted.answer} to a trial that asks for {possible}")
    db.execute(INSERT_RESPONSE, {"trial_id": trial.id, **_response_columns(submitted)})
    if _must_be_replaced(trial, submitted):
        _replace(db, trial)
    return person


def _replace(db: Connection, trial: CurrentTrial) -> None:
    with Session(db) as objects:  # within the connection's transaction
        participant = objects.get_one(Participant, trial.participant.id)
        void_and_replace(objects, participant, objects.get_one(Trial, trial.id))


def _must_be_replaced(trial: CurrentTrial, submitted: SubmittedResponse) -> bool:
    """Practice, which is not analysed, is not shown again."""
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
        "answer": submitted.answer,
        "rt_ms": submitted.rt_ms,
        "first_ms": submitted.first_ms,
        "second_ms": submitted.second_ms,
        "first_frames": submitted.first_frames,
        "second_frames": submitted.second_frames,
        "early": submitted.early_inputs,
        "held": submitted.repeated_inputs,
        "input": submitted.input,
        "received_at": now(),
        "message_id": submitted.message_id,
        **flags,
    }


def _outcome_after(db: Connection, trial: CurrentTrial, ahead: UpcomingTrials) -> Outcome | None:
    """What an answer brings taking part to, if to its end."""
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
