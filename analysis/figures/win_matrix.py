"""The matrix of win rates: how often each method won against each other one."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.canvas import (
    ACCENT,
    FONT_SIZE,
    INK,
    LINE,
    MAX_SHADE,
    MUTED,
    SMALL_FONT_SIZE,
    figure_of,
    label_row,
    make_matrix_axes,
)
from analysis.formatting import EN_DASH, ReportPart, format_percent, method_label
from analysis.inference.intervals import Interval

CELL_HEIGHT = 0.50  # inches
MATRIX_LABEL_WIDTH = 1.5  # inches
MATRIX_LETTERS = 40  # letters that fit side by side above the columns
MAX_MATRIX_METHODS = 8  # with more, the numbers do not fit into the cells
SHADE_OF_ONE = 1.6  # opacity of a win rate of 100%, before it is cut to the largest


def draw_win_matrix(pairs: Sequence[ReportPart], methods: Sequence[str]) -> Figure:
    """Draw how often the method of a row won against that of a column, in percent.

    methods: the best first. The shade tells the distance from 50%; a missing pair was not compared.
    """
    rates = {(pair["a"], pair["b"]): (pair["win_rate"], pair["ci95"]) for pair in pairs}
    rates |= {
        (b, a): (1 - rate, bounds and (1 - bounds[1], 1 - bounds[0]))
        for (a, b), (rate, bounds) in rates.items()
    }
    letters = int(MATRIX_LETTERS / len(methods))
    labels = [wrap(method_label(name), letters, max_lines=2, placeholder="…") for name in methods]
    more_lines = max(map(len, labels), default=1) - 1
    axes = make_matrix_axes(len(methods), CELL_HEIGHT, MATRIX_LABEL_WIDTH, more_lines)
    for column, label in enumerate(map("\n".join, labels)):
        axes.text(column + 0.5, -0.12, label, ha="center", va="bottom", fontsize=SMALL_FONT_SIZE,
                  color=MUTED)  # fmt: skip
    for row, method in enumerate(methods):
        label_row(axes, row + 0.5, method_label(method), "", True)
        for column, other in enumerate(methods):
            _draw_cell(axes, row, column, rates.get((method, other)), method == other)
    return figure_of(axes)


def _draw_cell(
    axes: Axes, row: int, column: int, rate: tuple[float, Interval | None] | None, is_own: bool
) -> None:
    """Draw a cell of the win matrix. is_own: a method against itself."""
    shade = 0.0 if rate is None else min(MAX_SHADE, SHADE_OF_ONE * abs(rate[0] - 0.5))
    is_win = rate is not None and rate[0] > 0.5
    axes.add_patch(
        Rectangle(
            (column, row), 1, 1, facecolor=ACCENT if is_win else MUTED, alpha=shade, linewidth=0
        )
    )
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor="none", edgecolor=LINE, linewidth=0.8))
    style: dict[str, Any] = {"ha": "center", "va": "center"}
    if rate is None:
        text = "" if is_own else EN_DASH
        axes.text(column + 0.5, row + 0.5, text, fontsize=FONT_SIZE, color=MUTED, **style)
        return
    value, bounds = rate
    place = 0.36 if bounds else 0.5
    axes.text(column + 0.5, row + place, format_percent(value, 0), fontsize=FONT_SIZE, color=INK,
              weight="bold", **style)  # fmt: skip
    if bounds:
        interval = EN_DASH.join(format_percent(end, 0) for end in bounds)
        axes.text(column + 0.5, row + 0.74, interval, fontsize=7.5, color=INK, **style)
