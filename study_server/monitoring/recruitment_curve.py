"""The recruitment curve: SVG paths of started and complete participants over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from study_server.monitoring.axes import Tick, count_ticks, time_ticks

WIDTH, HEIGHT = 600, 200  # SVG units; the page stretches the paths, not the labels
HEIGHT_FACTOR = 1.08  # the top of the figure lies this far above the highest value


@dataclass(frozen=True)
class RecruitmentCurve:
    """A drawn recruitment curve.

    started_path, complete_path: SVG paths of step functions. planned_height: y of the planned
    number, or None if it is far above the curve. started_at, ended_at: the range of the time axis.
    people, times: the ticks of both axes.
    """

    started_path: str
    complete_path: str
    planned_height: float | None
    started_count: int
    started_at: datetime
    ended_at: datetime
    people: Sequence[Tick]
    times: Sequence[Tick]


def draw_recruitment_curve(
    started: Sequence[datetime], complete: Sequence[datetime], planned: int | None, until: datetime
) -> RecruitmentCurve | None:
    """Draw the curve up to `until`; return None if nobody has started.

    started, complete: the times at which participants started and finished, in any order.
    """
    if not started:
        return None
    first = min(started)
    until = max(until, first + timedelta(minutes=1))
    shown_plan = planned if planned and planned <= 2 * len(started) else None
    top = HEIGHT_FACTOR * max(len(started), shown_plan or 0)
    return RecruitmentCurve(
        _step_path(started, first, until, top),
        _step_path(complete, first, until, top),
        None if shown_plan is None else _height(shown_plan, top),
        len(started),
        first,
        until,
        count_ticks(top),
        time_ticks(first, until),
    )


def _step_path(moments: Sequence[datetime], first: datetime, until: datetime, top: float) -> str:
    """Return an SVG path with a step up at each time; steps within one unit of width are merged."""
    steps: dict[int, float] = {}
    for number, moment in enumerate(sorted(moments), start=1):
        steps[round(WIDTH * ((moment - first) / (until - first)))] = _height(number, top)
    return f"M0 {HEIGHT}" + "".join(f"H{x}V{y:g}" for x, y in steps.items()) + f"H{WIDTH}"


def _height(number: float, top: float) -> float:
    return round(HEIGHT * (1 - number / top), 1)
