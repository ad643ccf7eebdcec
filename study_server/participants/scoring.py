"""How well a participant did, and what they are told of it."""

import hashlib
import hmac

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from study_server.participants.current_trial import CurrentTrial
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Participant, Response, Trial
from study_server.vocabulary import Answer, Outcome, Slot, TrialKind


def is_qualified(db: Session, participant: Participant) -> bool:
    """Whether the qualification trials were answered well enough."""
    protocol = parse_stored_protocol(participant.study.protocol)
    correct, answered = count_correct(db, participant, TrialKind.QUALIFICATION)
    return correct >= protocol.qualification_min_correct * answered


def count_correct(
    db: Session, participant: Participant, kind: TrialKind = TrialKind.TEST
) -> tuple[int, int]:
    """(correct, answered) trials of a kind, as shown at the end; voided ones and repeats aside."""
    query = (
        select(Trial, Response.answer)
        .join(Response)
        .where(
            Trial.participant_id == participant.id,
            Trial.kind == kind,
            Trial.voided.is_(False),
            Trial.repeat_of.is_(None),
        )
    )
    question = participant.study.question
    results = [is_correct(question, trial.truth, answer) for trial, answer in db.execute(query)]
    return sum(results), len(results)


def is_correct(question: str, truth: Answer, answer: Answer) -> bool:
    """The fake was found, or the photograph where that was asked."""
    return answer is (truth if question == "fake" else truth.other)


def attention_check_is_correct(question: str) -> ColumnElement[bool]:
    """`is_correct` of a attention check, for queries; an image shown alone is a foil."""
    found = Response.answer == func.coalesce(Trial.fake_side, Answer.FAKE)
    return found if question == "fake" else ~found


def build_feedback(trial: CurrentTrial, answer: Answer) -> dict[str, object] | None:
    """Return the feedback to a practice trial: where the fake was, and whether it was found.

    fake_slot: of a single image the center, or None where it is a photograph. None for trials of
    other kinds, which have no feedback.
    """
    if trial.kind is not TrialKind.PRACTICE:
        return None
    correct = is_correct(trial.participant.protocol.question, trial.truth, answer)
    return {"fake_slot": _fake_slot(trial), "is_correct": correct}


def _fake_slot(showing: CurrentTrial) -> str | None:
    if showing.fake_side is not None:
        return showing.fake_side
    return Slot.CENTER if showing.truth is Answer.FAKE else None


def completion_code(participant: Participant) -> str | None:
    """No code without data: only who is complete has one."""
    if participant.outcome is not Outcome.COMPLETE:
        return None
    digest = hmac.digest(
        participant.study.identity_key, f"code:{participant.public_id}".encode(), hashlib.sha256
    )
    return digest.hex()[:10].upper()
