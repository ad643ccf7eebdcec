"""Figures that only reports on ratings have: grades, spreads and raters."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.canvas import (
    ACCENT,
    DASHED,
    INK,
    MAX_SHADE,
    MUTED,
    ROW_HEIGHT,
    SMALL_FONT_SIZE,
    figure_of,
    label_row,
    make_panel_axes,
    make_row_axes,
    set_percent_ticks,
)
from analysis.formatting import ReportPart, format_number, format_percent, method_label
from analysis.inference.intervals import Interval


def draw_grades(spreads: Mapping[str, ReportPart], ends: Interval) -> Figure:
    """Draw the share of each grade among the ratings of each method, as a bar from low to high."""
    grades = _fill_grades(spreads, ends)
    axes = make_row_axes(ROW_HEIGHT * (len(spreads) + 1), ROW_HEIGHT)
    axes.grid(visible=False)
    axes.set_xlim(0, 1)
    set_percent_ticks(axes, [0, 0.25, 0.5, 0.75, 1], "ratings (%)")
    label_row(axes, 0, "Grade", "", False)
    _draw_stack(axes, 0, [1 / len(grades)] * len(grades), grades, 0.5)
    for row, (method, spread) in enumerate(spreads.items(), 1):
        counts = [spread["grades"].get(grade, 0) for grade in grades]
        shares = [count / sum(counts) for count in counts]
        printed = [format_percent(share, 0) if share >= 0.07 else "" for share in shares]
        label_row(axes, row * ROW_HEIGHT, method_label(method), format_number(sum(counts)), True)
        _draw_stack(axes, row * ROW_HEIGHT, shares, printed, 0.68)
    return figure_of(axes)


def _fill_grades(spreads: Mapping[str, ReportPart], ends: Interval) -> list[str]:
    """Return all grades, with those that nobody gave if grades are whole numbers."""
    given = {float(grade) for spread in spreads.values() for grade in spread["grades"]}
    if all(grade.is_integer() for grade in given) and ends[1] - ends[0] < 11:
        given |= set(map(float, range(int(ends[0]), int(ends[1]) + 1)))
    return [f"{grade:g}" for grade in sorted(given)]


def _draw_stack(
    axes: Axes, top: float, shares: Sequence[float], labels: Sequence[str], thickness: float
) -> None:
    """Draw shares as a stacked bar, the first the lightest, with a label in each part."""
    height, left = thickness * ROW_HEIGHT, 0.0
    shades = np.linspace(0.08, MAX_SHADE, len(shares))
    for share, label, shade in zip(shares, labels, shades, strict=True):
        place, size = (left, top - height / 2), (share, height)
        axes.add_patch(Rectangle(place, *size, facecolor=ACCENT, alpha=shade, linewidth=0))
        axes.add_patch(
            Rectangle(place, *size, facecolor="none", edgecolor=MUTED, linewidth=0.5, clip_on=False)
        )
        axes.text(left + share / 2, top, label, ha="center", va="center",
                  fontsize=SMALL_FONT_SIZE, color=INK)  # fmt: skip
        left += share


def draw_spreads(spreads: Mapping[str, ReportPart], ends: Interval) -> Figure:
    """Draw the scores of each method: median (dot), middle 50% (thick line), 90% (thin line)."""
    axes = make_row_axes(ROW_HEIGHT * len(spreads), ROW_HEIGHT)
    axes.set_xlim(*ends)
    axes.set_xlabel("score", fontsize=SMALL_FONT_SIZE, color=MUTED)
    for row, (method, spread) in enumerate(spreads.items()):
        top, (q05, q25, median, q75, q95) = row * ROW_HEIGHT, spread["quantiles"]
        label_row(axes, top, method_label(method), format_number(median, 1), True)
        for low, high, width in ((q05, q95, 1.0), (q25, q75, 4.0)):
            axes.plot((low, high), (top, top), color=ACCENT, linewidth=width, clip_on=False)
        axes.plot([median], [top], "o", color=ACCENT, markersize=6.5, clip_on=False)
    return figure_of(axes)


def draw_raters(raters: Sequence[ReportPart]) -> Figure:
    """Draw each participant's bias and inconsistency."""
    most = max(rater["inconsistency"] for rater in raters)
    (axes,) = make_panel_axes(["Each participant"], "inconsistency", (0, 1.1 * most or 1.0))
    reach = 1.1 * max(0.2, *(abs(rater["bias"]) for rater in raters))
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(6, symmetric=True, prune="both"))
    axes.axvline(0, color=MUTED, linewidth=0.9, linestyle=DASHED)
    places = np.array([(rater["bias"], rater["inconsistency"]) for rater in raters])
    axes.plot(*places.T, "o", color=ACCENT, markersize=5, alpha=0.6, markeredgewidth=0)
    axes.set_xlabel("bias: gives lower scores ← → gives higher scores", fontsize=SMALL_FONT_SIZE,
                    color=MUTED)  # fmt: skip
    return figure_of(axes)
