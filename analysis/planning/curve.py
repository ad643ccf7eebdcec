"""The power curve: power by number of participants."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from analysis.figures.canvas import (
    ACCENT,
    DASHED,
    FIGURE_WIDTH,
    INK,
    LINE,
    MUTED,
    SMALL_FONT_SIZE,
    set_percent_ticks,
)
from analysis.formatting import format_count

FIGURE_HEIGHT = 2.9  # inches
MIN_NOTABLE_LIMIT = 0.97  # higher limits are not drawn


def draw_power_curve(
    curve: Sequence[Mapping[str, Any]], needed: Mapping[str, int | None], limit: float
) -> Figure:
    """Draw power by number of participants, with a dot at each sample size needed.

    curve, needed: `curve` and `participants` of power.json. limit: the power with infinitely many
    participants.
    """
    figure = Figure(figsize=(FIGURE_WIDTH, FIGURE_HEIGHT))
    axes = figure.add_axes((0.13, 0.17, 0.81, 0.79))
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL_FONT_SIZE, labelcolor=MUTED)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(0, 1)
    axes.set_xlim(0, curve[-1]["participants"])
    axes.set_xlabel("participants", fontsize=SMALL_FONT_SIZE, color=MUTED)
    set_percent_ticks(axes, [0, 0.2, 0.4, 0.6, 0.8, 1], "power (%)", "y")
    participants, power = ([point[key] for point in curve] for key in ("participants", "power"))
    axes.plot(participants, power, color=ACCENT, linewidth=2.4, clip_on=False)
    text_style: dict[str, Any] = {"textcoords": "offset points", "fontsize": SMALL_FONT_SIZE}
    for key, count in needed.items():
        if count is not None:
            axes.plot([count], [int(key) / 100], "o", color=ACCENT, markersize=6.5)
            label = format_count(count, "participant", "participants")
            axes.annotate(label, (count, int(key) / 100), (8, -12), color=INK, **text_style)
    if limit < MIN_NOTABLE_LIMIT:
        axes.axhline(limit, color=MUTED, linewidth=0.9, linestyle=DASHED)
        label = "limit for any number of participants"
        axes.annotate(
            label, (participants[-1], limit), (0, 4), color=MUTED, ha="right", **text_style
        )
    return figure
