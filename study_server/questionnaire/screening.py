"""Screening: questions and color plates before the first trial, and the rule for passing.

The questions come after consent, because an answer about color vision is health data. The result
screens participants; it is not a diagnosis.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.participants.outcomes import UNFINISHED_OUTCOMES, change_outcomes
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.questionnaire.color_plates import DIGITS, draw_plate
from study_server.stimuli.png import Pixels
from study_server.storage.models import Participant, Screening
from study_server.vocabulary import ColorVision, NightLight, Outcome


@dataclass(frozen=True)
class ScreeningAnswers:
    """The screening answers of one participant.

    None means not answered. digits: the digit read on each plate.
    """

    color_vision: ColorVision | None
    night_light: NightLight | None
    digits: Sequence[str]


class IncompleteScreeningError(ValueError):
    """A question was not answered."""


def is_screening_pending(db: Session, participant: Participant) -> bool:
    """Return whether the participant must answer the screening before the first trial."""
    has_screening = parse_stored_protocol(participant.study.protocol).has_screening
    return (
        has_screening
        and participant.outcome in UNFINISHED_OUTCOMES
        and not has_screening_answers(db, participant)
    )


def has_screening_answers(db: Session, participant: Participant) -> bool:
    """Return whether the participant has answered the screening."""
    return db.get(Screening, participant.id) is not None


def store_screening(db: Session, participant: Participant, answers: ScreeningAnswers) -> None:
    """Store the first answers and screen out a participant who does not pass.

    Later answers change nothing. Raises IncompleteScreeningError if a question is unanswered.
    """
    if not is_screening_pending(db, participant):
        return
    protocol = parse_stored_protocol(participant.study.protocol)
    questions = (
        (protocol.color_vision, answers.color_vision),
        (protocol.night_light, answers.night_light),
    )
    if any(setting != "unasked" and answer is None for setting, answer in questions):
        raise IncompleteScreeningError
    has_plates = protocol.plates > 0
    screening = Screening(
        participant_id=participant.id,
        color_vision=answers.color_vision if protocol.color_vision != "unasked" else None,
        night_light=answers.night_light if protocol.night_light != "unasked" else None,
        plates_correct=_count_correct_plates(participant, answers.digits) if has_plates else None,
    )
    db.add(screening)
    participant.last_seen_at = now()
    if not passes_screening(protocol, screening):
        participant.finished_at = now()
        db.flush()
        change_outcomes(db, participant.study, {participant.id: Outcome.SCREENED_OUT})


def passes_screening(protocol: Protocol, screening: Screening) -> bool:
    """Return whether these answers meet the protocol's requirements."""
    has_normal_vision = screening.color_vision is ColorVision.NORMAL
    reads_plates = (screening.plates_correct or 0) >= protocol.plates_min_correct
    return reads_plates and (has_normal_vision or protocol.color_vision != "required")


def was_screened_out_here(db: Session, participant: Participant) -> bool:
    """Return whether the screening, not the qualification, screened the participant out."""
    screening = db.get(Screening, participant.id)
    protocol = parse_stored_protocol(participant.study.protocol)
    return screening is not None and not passes_screening(protocol, screening)


def _count_correct_plates(participant: Participant, answers: Sequence[str]) -> int:
    digits = plate_digits(participant)
    return sum(str(digit) == read.strip() for digit, read in zip(digits, answers, strict=False))


def plate_digits(participant: Participant) -> list[int]:
    """Return the digits on the participant's plates, in order; the first eight all differ."""
    rng = Random(_seed(participant))
    digits = [digit for _ in range(2) for digit in rng.sample(DIGITS, len(DIGITS))]
    return digits[: parse_stored_protocol(participant.study.protocol).plates]


def draw_participant_plate(participant: Participant, number: int) -> Pixels:
    """Draw the plate with this 0-based number; raises IndexError beyond the last one."""
    return draw_plate(plate_digits(participant)[number], f"{_seed(participant)}:{number}")


def _seed(participant: Participant) -> str:
    key = participant.study.identity_key
    return hmac.digest(key, f"plates:{participant.public_id}".encode(), "sha256").hex()
