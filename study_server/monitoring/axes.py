"""The ticks of axes: round numbers of people, and round moments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_TICKS = 5
STEPS = (
    timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15),
    timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=12),
    timedelta(days=1), timedelta(days=2), timedelta(days=7), timedelta(days=14),
    timedelta(days=28),
)  # fmt: skip


@dataclass(frozen=True)
class Tick:
    """A labeled place on an axis. percent: from its left end, or from its top."""

    percent: float
    label: str


def count_ticks(top: float) -> list[Tick]:
    """Return ticks at round numbers from 0 up to `top`, the upper end of a vertical axis."""
    step = _round_step(top)
    numbers = range(0, int(top) + 1, step)
    return [Tick(round(100 * (1 - number / top), 2), f"{number:,}") for number in numbers]


def _round_step(top: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, ... that gives at most MAX_TICKS steps."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if top / (digit * power) <= MAX_TICKS:
                return digit * power
        power *= 10


def time_ticks(first: datetime, last: datetime) -> list[Tick]:
    """Return ticks at round moments in UTC between both ends of a horizontal axis."""
    span = last - first
    step = next((one for one in STEPS if span / one <= MAX_TICKS), span / MAX_TICKS)
    pattern = "%d %b" if step >= timedelta(days=1) else "%H:%M"
    if step < timedelta(minutes=1):
        pattern = "%H:%M:%S"
    origin = first.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = origin + step * -((origin - first) // step)
    ticks = []
    while moment <= last:
        ticks.append(Tick(round(100 * ((moment - first) / span), 2), moment.strftime(pattern)))
        moment += step
    return ticks
