"""Estimates for a protocol: how long participants need, and what they are paid."""

from dataclasses import dataclass

from study_server.errors import StudyError
from study_server.protocol.model import Protocol

DEFAULT_HOURLY_PAY = 12.0  # in any currency; about what platforms recommend at least
MAX_HOURLY_PAY = 1000.0


@dataclass(frozen=True)
class PayEstimate:
    """The pay of one participant for the estimated minutes, and of all planned participants.

    total: None without a planned number.
    """

    hourly: float
    minutes: int
    each: float
    participants: int | None
    total: float | None


def estimate_pay(protocol: Protocol, participants: int | None, hourly_text: str) -> PayEstimate:
    """Estimate the pay at an hourly rate that was typed; raises StudyError if it is no rate."""
    try:
        hourly = float(hourly_text) if hourly_text.strip() else DEFAULT_HOURLY_PAY
    except ValueError as error:
        raise StudyError(f"“{hourly_text}” is not an hourly rate; type a number") from error
    if not 0 <= hourly <= MAX_HOURLY_PAY:
        raise StudyError(f"An hourly rate is from 0 to {MAX_HOURLY_PAY:,.0f}")
    each = round(hourly * protocol.estimated_minutes / 60, 2)
    total = None if participants is None else each * participants
    return PayEstimate(hourly, protocol.estimated_minutes, each, participants, total)
