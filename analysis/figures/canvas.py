"""The canvas of all figures: colors, rows, panels, and reproducible SVG and PNG output."""

import io
import re
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from analysis.formatting import format_percent
from analysis.inference.intervals import Interval

# inline_svg replaces these colors by CSS variables, so that a page can use its own.
INK, MUTED, LINE, ACCENT = "#1a1a1a", "#5a5a5a", "#d8d8d8", "#a33a12"
CSS_COLORS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    "#ffffff": "none",
}
# Any, because the types of rcParams differ between versions of matplotlib.
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "hue-and-eye", "font.family": "DejaVu Sans"}

FIGURE_WIDTH = 4.7  # all lengths in inches
PLOT_LEFT, PLOT_WIDTH = (
    0.36,
    0.53,
)  # shares of the width: where the data begin, and how much they take
# shares of the width: of two axes beside each other
WIDE_LEFT, WIDE_WIDTH, NARROW_LEFT = 0.30, 0.40, 0.76
TOP_MARGIN, BOTTOM_MARGIN = 0.30, 0.50
LINE_HEIGHT = 0.16  # of small text
PNG_DPI = 300  # pixels per inch
FONT_SIZE, SMALL_FONT_SIZE = 10, 9  # points
PANEL_HEIGHT = 1.5  # inches; height of a method's panel
ROW_HEIGHT = 0.36  # inches; height of a method's row
MAX_SHADE = 0.55  # opacity; text stays readable on it
MAX_LABEL_LETTERS, MAX_SMALL_LABEL_LETTERS = 17, 21  # letters of a label that fit
DASHED = (0, (4, 3))


def make_row_axes(height: float, first: float) -> Axes:
    """Make axes whose y is inches below the middle of the first row; first: that row's height."""
    axes = _make_axes(height, PLOT_LEFT, PLOT_WIDTH)
    axes.set_ylim(height - first / 2, -first / 2)
    axes.set_yticks([])
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    return axes


def make_two_row_axes(height: float, first: float) -> tuple[Axes, Axes]:
    """Make two axes beside each other with the same rows, as `make_row_axes` makes one."""
    wide = _make_axes(height, WIDE_LEFT, WIDE_WIDTH)
    box = wide.get_position()
    place = (NARROW_LEFT, box.y0, 1 - NARROW_LEFT - 0.02, box.height)
    narrow = figure_of(wide).add_axes(place)
    _remove_spines(narrow)
    for axes in (wide, narrow):
        axes.set_ylim(height - first / 2, -first / 2)
        axes.set_yticks([])
        axes.grid(axis="x", color=LINE, linewidth=0.6)
    return wide, narrow


def make_matrix_axes(cells: int, cell_height: float, left: float, more_lines: int) -> Axes:
    """Make axes of cells x cells, whose first row is at the top.

    left: inches for labels. more_lines: of the labels above the columns, beyond the first.
    """
    share = left / FIGURE_WIDTH
    head = TOP_MARGIN + more_lines * LINE_HEIGHT
    axes = _make_axes(cells * cell_height, share, 0.995 - share, foot=0.08, head=head)
    axes.set_xlim(0, cells)
    axes.set_ylim(cells, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def make_box_axes(height: float) -> Axes:
    """Make axes as wide as the figure, in inches from the top left."""
    axes = _make_axes(height, 0, 1, foot=0.04)
    axes.set_axis_off()
    axes.set_xlim(0, FIGURE_WIDTH)
    axes.set_ylim(height, 0)
    return axes


def make_panel_axes(
    titles: list[str], caption: str, ends: tuple[float, float] = (0, 1)
) -> list[Axes]:
    """Make a column of panels with titles, whose y axes have a caption.

    ends: of the y axes; shares in percent by default.
    """
    height = len(titles) * PANEL_HEIGHT
    whole = _make_axes(height, 0.13, 0.85)
    figure, box = whole.figure, whole.get_position()
    whole.remove()
    panels = []
    for row, title in enumerate(titles):
        bottom = box.y0 + box.height * (len(titles) - 1 - row) / len(titles)
        axes = figure.add_axes((box.x0, bottom, box.width, 0.78 * box.height / len(titles)))
        _remove_spines(axes)
        axes.set_ylim(*ends)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_title(title, loc="left", fontsize=FONT_SIZE, weight="bold", color=INK)
        if ends == (0, 1):
            set_percent_ticks(axes, [0, 0.25, 0.5, 0.75, 1], caption, "y")
        else:
            axes.set_ylabel(caption, fontsize=SMALL_FONT_SIZE, color=MUTED)
            axes.yaxis.set_major_locator(score_locator(ends))
        panels.append(axes)
    return panels


def score_locator(ends: tuple[float, float]) -> MaxNLocator:
    """Return where the ticks of a scale stand: at whole grades, unless it is too short for them."""
    return MaxNLocator(5, integer=ends[1] - ends[0] > 2, steps=[1, 2, 2.5, 5, 10])


def _make_axes(
    height: float,
    left: float,
    across: float,
    foot: float = BOTTOM_MARGIN,
    head: float = TOP_MARGIN,
) -> Axes:
    """Make empty axes of this height (inches) in a figure of their own."""
    size = head + height + foot
    figure = Figure(figsize=(FIGURE_WIDTH, size))
    axes = figure.add_axes((left, foot / size, across, height / size))
    _remove_spines(axes)
    return axes


def _remove_spines(axes: Axes) -> None:
    axes.tick_params(length=0, labelsize=SMALL_FONT_SIZE, labelcolor=MUTED)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def label_row(axes: Axes, top: float, label: str, value: str, is_own: bool) -> None:
    """Write a row's label on the left and its value on the right."""
    assert axes.figure is not None
    across = blended_transform_factory(axes.figure.transFigure, axes.transData)
    text_style: dict[str, Any] = {"transform": across, "va": "center"}
    text_style |= {
        "fontsize": FONT_SIZE if is_own else SMALL_FONT_SIZE,
        "color": INK if is_own else MUTED,
    }
    text_style |= {"weight": "bold" if is_own else "normal"}
    room = MAX_LABEL_LETTERS if is_own else MAX_SMALL_LABEL_LETTERS
    axes.text(0, top, label if len(label) <= room else f"{label[: room - 1]}…", **text_style)
    axes.text(1, top, value, ha="right", **text_style)


def set_percent_ticks(axes: Axes, ticks: list[float], caption: str, along: str = "x") -> None:
    """Label ticks in percent, and add a caption to the axis."""
    printed = [format_percent(tick, 0) for tick in ticks]
    if along == "x":
        axes.set_xticks(ticks, printed)
        axes.set_xlabel(caption, fontsize=SMALL_FONT_SIZE, color=MUTED)
    else:
        axes.set_yticks(ticks, printed)
        axes.set_ylabel(caption, fontsize=SMALL_FONT_SIZE, color=MUTED)


def draw_reference_line(axes: Axes, at: float, label: str) -> None:
    """Draw a dashed vertical line with a label above."""
    axes.axvline(at, color=MUTED, linewidth=0.9, linestyle=DASHED)
    axes.annotate(
        label,
        (at, 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL_FONT_SIZE,
        color=MUTED,
    )


def draw_estimate(
    axes: Axes, top: float, value: float | None, bounds: Interval | None, is_own: bool
) -> None:
    """Draw a value as a dot and its interval as a line; small and gray if it is not our own."""
    # not clipped, so that a dot at 0 is complete
    line_style: dict[str, Any] = {"color": ACCENT if is_own else MUTED, "clip_on": False}
    if bounds is not None:
        axes.plot(bounds, [top] * 2, linewidth=2.4 if is_own else 1, **line_style)
    if value is not None:
        axes.plot([value], [top], "o", markersize=6.5 if is_own else 3.5, **line_style)


def figure_of(axes: Axes) -> Figure:
    """Return the figure that the axes are in."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def render_figure(figure: Figure, kind: str, notice: str = "") -> bytes:
    """Render a figure as `svg` or `png`, without a date, so that the bytes are reproducible.

    notice: printed above the figure, for example that the data are simulated.
    """
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    above = 1 - 0.1 / figure.get_figheight()
    text = figure.text(
        0, above, notice, fontsize=SMALL_FONT_SIZE, weight="bold", color=ACCENT, va="top"
    )
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=PNG_DPI, metadata=metadata)
    text.remove()
    return buffer.getvalue()


def inline_svg(svg: bytes, key: str, title: str, description: str) -> str:
    """Prepare an SVG of `render_figure` for a page, with the page's colors and fonts.

    title, description: texts for screen readers. key: prefix that makes its ids unique in the page.
    """
    drawing = svg.decode()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", drawing)
    drawing = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{key}-", drawing)
    for color, css in CSS_COLORS.items():
        drawing = drawing.replace(color, css)
    size = re.search(r'viewBox="[^"]*"', drawing)
    assert size is not None  # matplotlib always writes one
    opening = (
        f'<svg {size[0]} xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
        f' aria-labelledby="{key}-title {key}-words"><title id="{key}-title">{escape(title)}'
        f'</title><desc id="{key}-words">{escape(description)}</desc>'
    )
    return opening + drawing[drawing.index(">") + 1 :]
