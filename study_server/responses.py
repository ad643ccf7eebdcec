"""Storing the answer to a trial, once, and the end of taking part where it is the last."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import insert
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.interruptions import void
from study_server.models import Participant, Trial
from study_server.participation import (
    ANSWERS,
    Ahead,
    UnfitAnswer,
    begin,
    find_trial,
    look_ahead,
    protocol_of,
)
from study_server.scoring import qualified
from study_server.words import DISTURBING, Choice, Flag, Kind, Outcome

MOST_ATTEMPTS = 3  # at a slot: whose screen always disturbs must get on all the same
STORE = insert(ANSWERS)


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
class Recorded:
    """The answer that stands for a trial, and what is ahead now."""

    trial: Trial
    choice: Choice
    ahead: Ahead


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
    outcome = _outcome_of(db, participant, trial, ahead)
    if outcome and participant.finished_at is None:
        participant.finished_at, participant.outcome = now(), outcome
        ahead = replace(ahead, trials=[])
    return Recorded(trial, answer.choice, ahead)


def _store(db: Session, participant: Participant, trial: Trial, answer: Answer) -> None:
    begin(db, participant, trial)  # where the word of that was lost
    if answer.choice not in (trial.truth, trial.truth.other):
        possible = " or ".join(sorted((trial.truth, trial.truth.other)))
        raise UnfitAnswer(f"answer {answer.choice} to a trial that asks for {possible}")
    db.execute(STORE, {"trial_id": trial.id, **_columns(answer)})
    db.expire(trial, ["response"])
    if _must_be_replaced(participant, trial, answer):
        void(db, participant, trial)


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


def _outcome_of(
    db: Session, participant: Participant, answered: Trial, ahead: Ahead
) -> Outcome | None:
    """What an answer brings taking part to, if to its end."""
    if ahead.answered == ahead.planned:
        return Outcome.COMPLETE
    over = answered.kind is Kind.QUALIFICATION and ahead.trials[0].kind is not Kind.QUALIFICATION
    return Outcome.SCREENED_OUT if over and not qualified(db, participant) else None
