"""Figures of a report: one function a figure, as SVG and PNG bytes that depend on the data only."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from analysis.comparisons import CHANCE
from analysis.intervals import Interval, t_quantile
from analysis.words import name, percent

# Drawn in these, so that a page may put its own light or dark ones in their place.
INK, MUTED, LINE, ACCENT = "#1a1a1a", "#5a5a5a", "#d8d8d8", "#a33a12"
CSS_COLORS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    "#ffffff": "none",
}
# Any, since each version of matplotlib types the names it takes anew.
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "hue-and-eye", "font.family": "DejaVu Sans"}

WIDTH = 4.7  # all lengths in inches
OURS, THEIRS, GAP = 0.32, 0.225, 0.14  # height of a row, and between methods
HEAD, FOOT = 0.30, 0.50
BIG, SMALL = 10, 9  # points
LONGEST = 17  # letters of a label that there is room for


@dataclass(frozen=True)
class Row:
    """A line of the rates figure; top: inches below the first."""

    label: str
    rate: float | None
    bounds: Interval | None
    ours: bool
    top: float


def draw_rates(methods: Mapping[str, Any], notice: str = "") -> Figure:
    """Each method's rate and 95 % interval, and below it the published rates near to it.

    methods: as in report.json. notice: printed above, such as that nobody real took part.
    """
    rows = list(_lay_out(methods))
    height = rows[-1].top + OURS / 2 if rows else OURS
    figure = Figure(figsize=(WIDTH, HEAD + height + FOOT))
    size = figure.get_figheight()
    axes = figure.add_axes((0.36, FOOT / size, 0.53, height / size))
    axes.set_ylim(height, -OURS / 2)
    _dress(axes, max([0.6, *(row.bounds[1] + 0.03 for row in rows if row.bounds)]))
    for row in rows:
        _draw_row(axes, row)
    figure.text(0, 1 - 0.1 / size, notice, fontsize=SMALL, weight="bold", color=ACCENT, va="top")
    return figure


def save(figure: Figure, kind: str) -> bytes:
    """The figure as `svg` or `png`, without a date."""
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=300, metadata=metadata)
    return buffer.getvalue()


def embed(svg: bytes, title: str, description: str) -> str:
    """The SVG of `save` to stand in a page: in the page's colors and fonts, and told in words."""
    drawing = svg.decode()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", drawing)
    for color, css in CSS_COLORS.items():
        drawing = drawing.replace(color, css)
    size = re.search(r'viewBox="[^"]*"', drawing)
    assert size is not None  # matplotlib always writes one
    opening = (
        f'<svg {size[0]} xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
        f' aria-labelledby="figure-title figure-words"><title id="figure-title">{escape(title)}'
        f'</title><desc id="figure-words">{escape(description)}</desc>'
    )
    return opening + drawing[drawing.index(">") + 1 :]


def _lay_out(methods: Mapping[str, Any]) -> Iterator[Row]:
    top = 0.0
    for method, entry in methods.items():
        yield Row(_shorten(name(method)), entry["rate"], entry["ci95"], True, top)
        top += (OURS + THEIRS) / 2
        for other in entry["vs_published"]:
            yield Row(other["label"], other["rate"], _published_bounds(other), False, top)
            top += THEIRS
        top += (OURS - THEIRS) / 2 + GAP


def _shorten(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _published_bounds(other: Mapping[str, Any]) -> Interval | None:
    """95 % by the source's own standard error; none where it is not given."""
    if other["se"] is None:
        return None
    half = t_quantile(float("inf")) * other["se"]
    return max(0.0, other["rate"] - half), min(1.0, other["rate"] + half)


def _dress(axes: Axes, highest: float) -> None:
    """The frame: percent below, faint lines, chance dashed."""
    axes.set_xlim(0, min(1.0, highest))
    ticks = [tick / 10 for tick in range(11) if tick / 10 <= min(1.0, highest)]
    axes.set_xticks(ticks, [percent(tick, 0) for tick in ticks], fontsize=SMALL, color=MUTED)
    axes.set_yticks([])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(CHANCE, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xlabel("% of trials that fooled", fontsize=SMALL, color=MUTED)
    axes.annotate(
        "chance",
        (CHANCE, 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL,
        color=MUTED,
    )


def _draw_row(axes: Axes, row: Row) -> None:
    assert axes.figure is not None
    color, size = (ACCENT, BIG) if row.ours else (MUTED, SMALL)
    across = blended_transform_factory(axes.figure.transFigure, axes.transData)
    weight = "bold" if row.ours else "normal"
    words: dict[str, Any] = {"transform": across, "fontsize": size, "weight": weight}
    words |= {"color": INK if row.ours else MUTED, "va": "center"}
    axes.text(0, row.top, row.label, **words)
    value = "no trials" if row.rate is None else percent(row.rate)
    axes.text(1, row.top, value, ha="right", **words)
    drawn: dict[str, Any] = {"color": color, "clip_on": False}  # a dot at 0 stays whole
    if row.bounds is not None:
        axes.plot(row.bounds, [row.top] * 2, linewidth=2.4 if row.ours else 1, **drawn)
    if row.rate is not None:
        axes.plot([row.rate], [row.top], "o", markersize=6.5 if row.ours else 3.5, **drawn)
