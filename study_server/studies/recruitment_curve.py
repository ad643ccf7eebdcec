"""The recruitment curve as lines of an SVG: who has begun, and who is complete, over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 600, 200  # units of the picture, stretched to the page
HEIGHT_FACTOR = 1.08


@dataclass(frozen=True)
class RecruitmentCurve:
    """begun, complete: paths of steps. goal: height of the planned number, where it fits."""

    started_path: str
    complete_path: str
    planned_height: float | None
    started_count: int
    started_at: datetime
    ended_at: datetime


def draw_recruitment_curve(
    begun: Sequence[datetime], complete: Sequence[datetime], planned: int | None, until: datetime
) -> RecruitmentCurve | None:
    """Moments in any order -> the picture up to `until`; None before anybody came."""
    if not begun:
        return None
    first = min(begun)
    until = max(until, first + timedelta(minutes=1))
    goal = planned if planned and planned <= 2 * len(begun) else None
    top = HEIGHT_FACTOR * max(len(begun), goal or 0)
    return RecruitmentCurve(
        _step_path(begun, first, until, top),
        _step_path(complete, first, until, top),
        None if goal is None else _height(goal, top),
        len(begun),
        first,
        until,
    )


def _step_path(moments: Sequence[datetime], first: datetime, until: datetime, top: float) -> str:
    """A step up at each moment; those that fall on one unit of width are one step."""
    steps: dict[int, float] = {}
    for number, moment in enumerate(sorted(moments), start=1):
        steps[round(WIDTH * ((moment - first) / (until - first)))] = _height(number, top)
    return f"M0 {HEIGHT}" + "".join(f"H{x}V{y:g}" for x, y in steps.items()) + f"H{WIDTH}"


def _height(number: float, top: float) -> float:
    return round(HEIGHT * (1 - number / top), 1)
