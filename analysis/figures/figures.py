"""The figures of a report, each drawn by one function from parts of report.json."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.canvas import (
    ACCENT,
    DASHED,
    FIGURE_WIDTH,
    INK,
    LINE,
    MUTED,
    SMALL_FONT_SIZE,
    draw_estimate,
    draw_reference_line,
    figure_of,
    label_row,
    make_box_axes,
    make_panel_axes,
    make_row_axes,
    set_percent_ticks,
)
from analysis.findings.report_data import MethodFunnel
from analysis.formatting import (
    ReportPart,
    capitalize,
    format_count,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.contrasts import CHANCE
from analysis.inference.intervals import Interval, t_quantile
from analysis.trials import FloatArray, IntArray

# inches: heights of rows, and the gap between methods
OWN_ROW_HEIGHT, PUBLISHED_ROW_HEIGHT, METHOD_GAP = 0.32, 0.225, 0.14
PAIR_ROW_HEIGHT = 0.44  # inches: height of the row of a pair
BOX_HEIGHT, ARROW_HEIGHT = 0.27, 0.21  # inches: height of a step, and of the gap between steps
TIME_ROW_HEIGHT = 0.44  # inches: height of the row of a method's fooled or not fooled answers
# square points: area of the largest dot, and smallest area
MAX_DOT_AREA, MIN_DOT_AREA = 36.0, 7.0
MAX_INTERVALS = 240  # of a method; with more images, only every k-th is drawn


@dataclass(frozen=True)
class RateRow:
    """A row of the rates figure; top: its distance from the first row in inches."""

    label: str
    rate: float | None
    bounds: Interval | None
    is_own: bool
    top: float


def draw_rates(methods: Mapping[str, ReportPart], is_single: bool = False) -> Figure:
    """Draw each method's rate with its 95% interval, and comparable published rates below it.

    is_single: whether the study shows single images, for which 50% is not the chance level.
    """
    rows = list(_iterate_rate_rows(methods))
    axes = make_row_axes(rows[-1].top + OWN_ROW_HEIGHT if rows else OWN_ROW_HEIGHT, OWN_ROW_HEIGHT)
    highest = min(1.0, max([0.6, *(row.bounds[1] + 0.03 for row in rows if row.bounds)]))
    axes.set_xlim(0, highest)
    set_percent_ticks(
        axes, [tick / 10 for tick in range(int(10 * highest) + 1)], "fooling rate (% of trials)"
    )
    if not is_single:
        draw_reference_line(axes, CHANCE, "chance")
    for row in rows:
        value = "no trials" if row.rate is None else format_percent(row.rate)
        label_row(axes, row.top, row.label, value, row.is_own)
        draw_estimate(axes, row.top, row.rate, row.bounds, row.is_own)
    return figure_of(axes)


def draw_differences(differences: Sequence[ReportPart]) -> Figure:
    """Draw each difference a − b with its 95% interval; the equivalence margin is shaded."""
    margins = [pair["equivalence"]["margin"] for pair in differences if pair["equivalence"]]
    axes = make_row_axes(PAIR_ROW_HEIGHT * max(1, len(differences)), PAIR_ROW_HEIGHT)
    ends = [abs(end) for pair in differences for end in pair["ci95"] or (pair["difference"],)]
    reach = 1.1 * min(
        1.0, max([0.1, *ends, *margins])
    )  # with few participants, intervals may exceed ±100 points
    axes.set_xlim(-reach, reach)
    step = next(step for step in (0.05, 0.1, 0.2, 0.5) if reach / step < 4)
    ticks = [step * tick for tick in range(-int(reach / step), int(reach / step) + 1)]
    set_percent_ticks(axes, ticks, "percentage points")
    if margins:
        axes.axvspan(-margins[0], margins[0], color=LINE, alpha=0.5, linewidth=0)
    draw_reference_line(axes, 0, "no difference")
    for row, pair in enumerate(differences):
        top = row * PAIR_ROW_HEIGHT
        label_row(axes, top - PAIR_ROW_HEIGHT / 5, method_label(pair["a"]), "", True)
        label_row(axes, top + PAIR_ROW_HEIGHT / 5, f"− {method_label(pair['b'])}", "", False)
        label_row(axes, top, "", format_percent(pair["difference"]), True)
        bounds = pair["ci95"]
        visible_ci = bounds and (max(bounds[0], -reach), min(bounds[1], reach))
        draw_estimate(axes, top, pair["difference"], visible_ci, True)
    return figure_of(axes)


def draw_image_rates(images: Sequence[ReportPart], methods: Mapping[str, ReportPart]) -> Figure:
    """Draw each method's fakes from the lowest to the highest shrunken rate, with 95% intervals.

    images: the ranked images. The dashed line is the method's rate.
    """
    shown = [method for method in methods if any(pair["method"] == method for pair in images)]
    panels = make_panel_axes([method_label(method) for method in shown], "fooling rate (%)")
    for axes, method in zip(panels, shown, strict=True):
        pairs = [pair for pair in images if pair["method"] == method]
        pairs.sort(key=lambda pair: (pair["shrunk_rate"], pair["image"]))
        few = pairs[:: 1 + len(pairs) // MAX_INTERVALS]
        x = np.linspace(0, 1, len(few)) if len(few) > 1 else np.array([0.5])
        bounds = [(*pair["ci95"], np.nan) for pair in few]
        axes.plot(np.repeat(x, 3), np.ravel(bounds), color=LINE, linewidth=1.1)
        axes.plot(x, [pair["shrunk_rate"] for pair in few], color=ACCENT, linewidth=2)
        axes.axhline(methods[method]["rate"], color=MUTED, linewidth=0.9, linestyle=DASHED)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([])
    panels[-1].set_xlabel(
        "fakes, from the lowest to the highest rate", fontsize=SMALL_FONT_SIZE, color=MUTED
    )
    return figure_of(panels[0])


def draw_flow(flow: Sequence[ReportPart]) -> Figure:
    """Draw the participants and trials that remain after each step, as a chain of boxes."""
    axes = make_box_axes(len(flow) * BOX_HEIGHT + (len(flow) - 1) * ARROW_HEIGHT)
    text_style: dict[str, Any] = {"fontsize": SMALL_FONT_SIZE, "va": "center"}
    for row, step in enumerate(flow):
        top = row * (BOX_HEIGHT + ARROW_HEIGHT)
        axes.add_patch(
            Rectangle((0, top), FIGURE_WIDTH, BOX_HEIGHT, facecolor="none", edgecolor=MUTED)
        )
        left = _format_counts(step["participants"], step["trials"])
        axes.text(0.1, top + BOX_HEIGHT / 2, capitalize(step["step"]), color=INK, **text_style)
        axes.text(
            FIGURE_WIDTH - 0.1, top + BOX_HEIGHT / 2, left, color=INK, ha="right", **text_style
        )
    for row, (before, after) in enumerate(pairwise(flow)):
        top = row * (BOX_HEIGHT + ARROW_HEIGHT) + BOX_HEIGHT
        axes.plot((0.25, 0.25), (top, top + ARROW_HEIGHT), color=MUTED, linewidth=0.9)
        participants, trials = (before[key] - after[key] for key in ("participants", "trials"))
        if participants or trials:
            lost = f"excluded: {_format_counts(participants, trials)}"
            axes.text(
                FIGURE_WIDTH - 0.1,
                top + ARROW_HEIGHT / 2,
                lost,
                color=MUTED,
                ha="right",
                **text_style,
            )
    return figure_of(axes)


def draw_funnel(funnels: Mapping[str, MethodFunnel]) -> Figure:
    """Draw each participant's rate by number of trials, with a panel for each method.

    95% of participants are expected between the dashed lines, 99.8% between the solid ones.
    Crosses are excluded participants. A dot's area is the number of participants at that point.
    """
    panels = make_panel_axes([method_label(method) for method in funnels], "fooling rate (%)")
    trials = np.concatenate([each.funnel.trials for each in funnels.values()])
    for axes, each in zip(panels, funnels.values(), strict=True):
        funnel, excluded = each.funnel, each.is_excluded
        _draw_funnel_limits(axes, funnel.trials, (funnel.low95, funnel.high95), DASHED)
        _draw_funnel_limits(axes, funnel.trials, (funnel.low998, funnel.high998), "solid")
        _draw_dots(axes, funnel.trials[~excluded], funnel.rate[~excluded], "o", ACCENT)
        _draw_dots(axes, funnel.trials[excluded], funnel.rate[excluded], "x", MUTED)
        axes.set_xlim(trials.min() - 1, trials.max() + 1)
        axes.set_ylim(-0.04, 1.04)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("trials per participant", fontsize=SMALL_FONT_SIZE, color=MUTED)
    return figure_of(panels[0])


def draw_response_times(times: Sequence[ReportPart]) -> Figure:
    """Draw response times in seconds: median, middle 50% (thick line), middle 90% (thin line)."""
    timed = [row for row in times if row["trials"]]
    axes = make_row_axes(TIME_ROW_HEIGHT * max(1, len(timed)), TIME_ROW_HEIGHT)
    axes.set_xlim(0, max([1.0, *(1.05 * row["q95_ms"] / 1000 for row in timed)]))
    axes.set_xlabel("seconds", fontsize=SMALL_FONT_SIZE, color=MUTED)
    for row_number, row in enumerate(timed):
        top, color = row_number * TIME_ROW_HEIGHT, ACCENT if row["fooled"] else MUTED
        kind = "fooled" if row["fooled"] else "not fooled"
        label_row(axes, top - TIME_ROW_HEIGHT / 5, method_label(row["method"]), "", True)
        label_row(axes, top + TIME_ROW_HEIGHT / 5, kind, "", False)
        label_row(axes, top, "", format_number(row["median_ms"] / 1000, 2), True)
        for low, high, width in (("q05_ms", "q95_ms", 1.0), ("q25_ms", "q75_ms", 4.0)):
            ends = (row[low] / 1000, row[high] / 1000)
            axes.plot(ends, (top, top), color=color, linewidth=width, solid_capstyle="butt")
        axes.plot([row["median_ms"] / 1000], [top], "o", color=color, markersize=6.5)
    return figure_of(axes)


def _draw_funnel_limits(
    axes: Axes, trials: IntArray, limits: tuple[FloatArray, FloatArray], line: Any
) -> None:
    """Draw limits as steps that are flat around each number of trials."""
    numbers, first = np.unique(trials, return_index=True)
    ends = np.stack([numbers - 0.5, numbers + 0.5], axis=1).ravel()
    for limit in limits:
        steps = np.repeat(limit[first], 2)
        axes.plot(ends, steps, color=MUTED, linewidth=0.9, linestyle=line, clip_on=False)


def _draw_dots(axes: Axes, trials: IntArray, rate: FloatArray, marker: str, color: str) -> None:
    """Draw one dot for all participants at the same point."""
    points, participants = np.unique(np.stack([trials, rate]), axis=1, return_counts=True)
    area = MAX_DOT_AREA * participants / participants.max(initial=1)
    size = np.maximum(area, MIN_DOT_AREA)
    axes.scatter(points[0], points[1], s=size, marker=marker, color=color, linewidth=1)


def _format_counts(participants: int, trials: int) -> str:
    return (
        f"{format_count(participants, 'participant', 'participants')}, "
        f"{format_count(trials, 'trial', 'trials')}"
    )


def _iterate_rate_rows(methods: Mapping[str, ReportPart]) -> Iterator[RateRow]:
    top = 0.0
    for method, entry in methods.items():
        yield RateRow(method_label(method), entry["rate"], entry["ci95"], True, top)
        top += (OWN_ROW_HEIGHT + PUBLISHED_ROW_HEIGHT) / 2
        for other in entry["vs_published"]:
            yield RateRow(other["label"], other["rate"], _published_bounds(other), False, top)
            top += PUBLISHED_ROW_HEIGHT
        top += (OWN_ROW_HEIGHT - PUBLISHED_ROW_HEIGHT) / 2 + METHOD_GAP


def _published_bounds(other: ReportPart) -> Interval | None:
    """Return the 95% interval from the source's standard error; None if it is not given."""
    if other["se"] is None:
        return None
    half = t_quantile(float("inf")) * other["se"]
    return max(0.0, other["rate"] - half), min(1.0, other["rate"] + half)
