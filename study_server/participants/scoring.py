"""Score answers: correct counts, practice feedback and completion codes."""

import hashlib
import hmac

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from study_server.participants.current_trial import CurrentTrial
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Participant, Response, Trial
from study_server.vocabulary import Answer, Outcome, Slot, TrialKind


def is_qualified(db: Session, participant: Participant) -> bool:
    """Return whether enough qualification trials were answered correctly."""
    protocol = parse_stored_protocol(participant.study.protocol)
    correct, answered = count_correct(db, participant, TrialKind.QUALIFICATION)
    return correct >= protocol.qualification_min_correct * answered


def count_correct(
    db: Session, participant: Participant, kind: TrialKind = TrialKind.TEST
) -> tuple[int, int]:
    """Return (correct, answered) trials of a kind, without voided and repeated trials."""
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
    """Return whether the answer names the fake, or the photograph if the question asks for it."""
    return answer is (truth if question == "fake" else truth.other)


def attention_check_is_correct(question: str) -> ColumnElement[bool]:
    """Return `is_correct` for attention checks as an SQL expression.

    An attention check with a single image always shows a foil.
    """
    picked_fake = Response.answer == func.coalesce(Trial.fake_side, Answer.FAKE)
    return picked_fake if question == "fake" else ~picked_fake


def build_feedback(trial: CurrentTrial, answer: Answer) -> dict[str, object] | None:
    """Return the feedback to a practice trial, or None for other kinds of trials.

    fake_slot: the slot of the fake; for a single image the center, or None if it is a photograph.
    is_correct: whether the answer was correct.
    """
    if trial.kind is not TrialKind.PRACTICE:
        return None
    correct = is_correct(trial.participant.protocol.question, trial.truth, answer)
    return {"fake_slot": _fake_slot(trial), "is_correct": correct}


def _fake_slot(trial: CurrentTrial) -> str | None:
    if trial.fake_side is not None:
        return trial.fake_side
    return Slot.CENTER if trial.truth is Answer.FAKE else None


def completion_code(participant: Participant) -> str | None:
    """Return the completion code, or None unless the participant is complete."""
    if participant.outcome is not Outcome.COMPLETE:
        return None
    digest = hmac.digest(
        participant.study.identity_key, f"code:{participant.public_id}".encode(), hashlib.sha256
    )
    return digest.hex()[:10].upper()
