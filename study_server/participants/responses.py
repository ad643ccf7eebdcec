"""Storing the answer to a trial, once, and the end of taking part where it is the last."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.current_trial import (
    Ahead,
    Person,
    Showing,
    UnfitAnswer,
    begin,
    look_ahead,
)
from study_server.participants.queries import ANSWERS, NOTE_OUTCOME, PEOPLE
from study_server.participants.replacement import void
from study_server.participants.scoring import qualified
from study_server.storage.models import Participant, Trial
from study_server.vocabulary import DISTURBANCE_FLAGS, Answer, Outcome, TrialFlag, TrialKind

MOST_ATTEMPTS = 3  # at a slot: whose screen always disturbs must get on all the same
STORE = insert(ANSWERS)
FINISH = NOTE_OUTCOME.where(PEOPLE.c.finished_at.is_(None)).values(finished_at=bindparam("at"))


@dataclass(frozen=True)
class SubmittedResponse:
    """What the browser says of one trial.

    first_ms, second_ms: achieved exposures; no second one where there is one image, or where both
    are shown at once. *_frames: how many animation frames those took. early, held: events that were
    ignored, before the buttons were there, or of a key held down. input: what pressed, as the event
    says. id: the browser's own, the same whenever it sends this answer.
    """

    choice: Answer
    rt_ms: int
    first_ms: float
    second_ms: float | None = None
    first_frames: int | None = None
    second_frames: int | None = None
    early: int = 0
    held: int = 0
    input: str = ""
    flags: Collection[TrialFlag] = ()
    id: str | None = None


@dataclass(frozen=True)
class Recorded:
    """The answer that stands for a trial, and what is ahead now."""

    choice: Answer
    ahead: Ahead


def record_response(db: Connection, showing: Showing, answer: SubmittedResponse) -> Recorded:
    """Store one answer. The first stands: browsers retry, people double-click, tabs race.

    A disturbed trial is voided and replaced where the protocol says so, its answer kept with it.
    Raises VoidedTrial, Over, UnfitAnswer.
    """
    if showing.answer is not None:
        return Recorded(showing.answer, look_ahead(db, showing.person))
    person = _store(db, showing, answer)
    ahead = look_ahead(db, person)
    outcome = _outcome_of(db, showing, ahead)
    if outcome:
        db.execute(FINISH, {"row": person.id, "at": now(), "now_is": outcome})
        ahead = replace(ahead, trials=[])
    return Recorded(answer.choice, ahead)


def _store(db: Connection, showing: Showing, answer: SubmittedResponse) -> Person:
    person = begin(db, showing)  # where the word of that was lost
    if answer.choice not in (showing.truth, showing.truth.other):
        possible = " or ".join(sorted((showing.truth, showing.truth.other)))
        raise UnfitAnswer(f"answer {answer.choice} to a trial that asks for {possible}")
    db.execute(STORE, {"trial_id": showing.id, **_columns(answer)})
    if _must_be_replaced(showing, answer):
        _replace(db, showing)
    return person


def _replace(db: Connection, showing: Showing) -> None:
    with Session(db) as objects:  # within the connection's transaction
        participant = objects.get_one(Participant, showing.person.id)
        void(objects, participant, objects.get_one(Trial, showing.id))


def _must_be_replaced(showing: Showing, answer: SubmittedResponse) -> bool:
    """Practice, which is not analysed, is not shown again."""
    return (
        showing.person.protocol.disturbed == "replace"
        and showing.kind is not TrialKind.PRACTICE
        and showing.attempt + 1 < MOST_ATTEMPTS
        and any(flag in DISTURBANCE_FLAGS for flag in answer.flags)
    )


def _columns(answer: SubmittedResponse) -> dict[str, object]:
    flags = {flag.value: flag in answer.flags for flag in TrialFlag if flag is not TrialFlag.VOIDED}
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


def _outcome_of(db: Connection, answered: Showing, ahead: Ahead) -> Outcome | None:
    """What an answer brings taking part to, if to its end."""
    if ahead.answered == ahead.planned:
        return Outcome.COMPLETE
    over = (
        answered.kind is TrialKind.QUALIFICATION
        and ahead.trials[0].kind is not TrialKind.QUALIFICATION
    )
    return Outcome.SCREENED_OUT if over and not _qualified(db, answered.person) else None


def _qualified(db: Connection, person: Person) -> bool:
    with Session(db) as objects:
        return qualified(objects, objects.get_one(Participant, person.id))
