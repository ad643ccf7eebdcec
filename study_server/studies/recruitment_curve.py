"""The recruitment curve as lines of an SVG: who has begun, and who is complete, over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 600, 200  # units of the picture, stretched to the page
HEADROOM = 1.08


@dataclass(frozen=True)
class Curve:
    """begun, complete: paths of steps. goal: height of the planned number, where it fits."""

    begun: str
    complete: str
    goal: float | None
    most: int
    first: datetime
    last: datetime


def draw_curve(
    begun: Sequence[datetime], complete: Sequence[datetime], planned: int | None, until: datetime
) -> Curve | None:
    """Moments in any order -> the picture up to `until`; None before anybody came."""
    if not begun:
        return None
    first = min(begun)
    until = max(until, first + timedelta(minutes=1))
    goal = planned if planned and planned <= 2 * len(begun) else None
    top = HEADROOM * max(len(begun), goal or 0)
    return Curve(
        _climb(begun, first, until, top),
        _climb(complete, first, until, top),
        None if goal is None else _height(goal, top),
        len(begun),
        first,
        until,
    )


def _climb(moments: Sequence[datetime], first: datetime, until: datetime, top: float) -> str:
    """A step up at each moment; those that fall on one unit of width are one step."""
    steps: dict[int, float] = {}
    for number, moment in enumerate(sorted(moments), start=1):
        steps[round(WIDTH * ((moment - first) / (until - first)))] = _height(number, top)
    return f"M0 {HEIGHT}" + "".join(f"H{x}V{y:g}" for x, y in steps.items()) + f"H{WIDTH}"


def _height(number: float, top: float) -> float:
    return round(HEIGHT * (1 - number / top), 1)
