"""Who may take part: what participants are asked, and shown, before the first trial.

Asked after consent: what somebody says of their eyes is health data. It screens, never diagnoses.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.models import Participant, Screening
from study_server.pictures import Pixels
from study_server.plates import DIGITS, draw_plate
from study_server.protocol import Protocol, stored_protocol
from study_server.studies import UNFINISHED
from study_server.words import ColorVision, NightLight, Outcome


@dataclass(frozen=True)
class Declared:
    """What somebody answers; None: it was not asked. digits: what they read on the plates."""

    color_vision: ColorVision | None
    night_light: NightLight | None
    digits: Sequence[str]


class Incomplete(ValueError):
    """A question was left out."""


def is_pending(db: Session, participant: Participant) -> bool:
    """Whether a participant must yet answer before the first trial."""
    asked = stored_protocol(participant.study.protocol).screens
    return asked and participant.outcome in UNFINISHED and not is_answered(db, participant)


def is_answered(db: Session, participant: Participant) -> bool:
    return db.get(Screening, participant.id) is not None


def screen(db: Session, participant: Participant, declared: Declared) -> None:
    """Store the answers and end it for who is not eligible; the first answers stand.

    Raises Incomplete where something asked was not answered.
    """
    if not is_pending(db, participant):
        return
    protocol = stored_protocol(participant.study.protocol)
    asked = (
        (protocol.color_vision, declared.color_vision),
        (protocol.night_light, declared.night_light),
    )
    if any(setting != "unasked" and answer is None for setting, answer in asked):
        raise Incomplete
    screening = Screening(
        participant_id=participant.id,
        color_vision=declared.color_vision if protocol.color_vision != "unasked" else None,
        night_light=declared.night_light if protocol.night_light != "unasked" else None,
        plates_correct=_count_right(participant, declared.digits) if protocol.plates else None,
    )
    db.add(screening)
    participant.seen_at = now()
    if not is_eligible(protocol, screening):
        participant.finished_at, participant.outcome = now(), Outcome.SCREENED_OUT


def is_eligible(protocol: Protocol, screening: Screening) -> bool:
    normal = screening.color_vision is ColorVision.NORMAL
    sees = (screening.plates_correct or 0) >= protocol.plates_min_correct
    return sees and (normal or protocol.color_vision != "required")


def was_ineligible(db: Session, participant: Participant) -> bool:
    """Whether it was by these answers that somebody was screened out."""
    screening = db.get(Screening, participant.id)
    protocol = stored_protocol(participant.study.protocol)
    return screening is not None and not is_eligible(protocol, screening)


def _count_right(participant: Participant, read: Sequence[str]) -> int:
    shown = plate_digits(participant)
    return sum(str(digit) == answer.strip() for digit, answer in zip(shown, read, strict=False))


def plate_digits(participant: Participant) -> list[int]:
    """What stands on a participant's plates, in their order; no digit twice among eight."""
    rng = Random(_seed(participant))
    digits = [digit for _ in range(2) for digit in rng.sample(DIGITS, len(DIGITS))]
    return digits[: stored_protocol(participant.study.protocol).plates]


def plate_picture(participant: Participant, number: int) -> Pixels:
    """Raises IndexError beyond the last one."""
    return draw_plate(plate_digits(participant)[number], f"{_seed(participant)}:{number}")


def _seed(participant: Participant) -> str:
    key = participant.study.key
    return hmac.digest(key, f"plates:{participant.name}".encode(), "sha256").hex()
