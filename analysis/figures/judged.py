"""The figures of a report on judged candidates, each drawn from parts of report.json."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.canvas import (
    ACCENT,
    DASHED,
    FONT_SIZE,
    INK,
    LINE,
    MUTED,
    SMALL_FONT_SIZE,
    draw_reference_line,
    figure_of,
    label_row,
    make_matrix_axes,
    make_panel_axes,
    make_row_axes,
    make_two_row_axes,
    score_locator,
    set_percent_ticks,
)
from analysis.figures.figures import MAX_INTERVALS, draw_flow
from analysis.findings.judged_parts import (
    collect_estimates,
    find_chance,
    find_ranked_name,
    find_share_name,
    list_scales,
)
from analysis.formatting import EN_DASH, ReportPart, format_number, format_percent, method_label
from analysis.inference.intervals import Interval

ROW_HEIGHT, CELL_HEIGHT = 0.36, 0.50  # inches
MATRIX_LABEL_WIDTH = 1.5  # inches
MATRIX_LETTERS = 40  # letters that fit side by side above the columns
MAX_MATRIX_METHODS = 8  # with more, the numbers do not fit into the cells
MAX_SHADE = 0.55  # opacity; text stays readable on it
SHADE_OF_ONE = 1.6  # opacity of a win rate of 100%, before it is cut to the largest
Estimates = Mapping[str, ReportPart]


def draw_judged_figures(report: ReportPart) -> dict[str, Figure]:
    """Draw the figures that have data; return them by name."""
    figures = dict(_iterate_comparison_figures(report))
    for scale in list_scales(report):
        figures |= dict(_iterate_rating_figures(report, scale))
    figures["flow"] = draw_flow(report["exclusions"]["flow"])
    return figures


def _iterate_comparison_figures(report: ReportPart) -> Iterator[tuple[str, Figure]]:
    share_name, ranked_name = find_share_name(report), find_ranked_name(report)
    if share_name is None or ranked_name is None or not collect_estimates(report, share_name):
        return
    ranked = collect_estimates(report, ranked_name)
    yield "shares", draw_shares(collect_estimates(report, share_name), find_chance(report))
    yield "strengths", draw_rank_sets(ranked, ranked_name, report["methods"])
    if len(ranked) <= MAX_MATRIX_METHODS and report["pairs"]:
        yield "matrix", draw_win_matrix(report["pairs"], list(ranked))
    mean_ranks = collect_estimates(report, "mean_rank")
    if mean_ranks:
        best_first = dict(reversed(mean_ranks.items()))
        yield "mean-ranks", draw_scores(best_first, None, "mean rank (1 is best)")
    images = [image for image in report["images"] if image["shrunk"] is not None]
    if images:
        yield "images", draw_image_scores(images, list(ranked), "share of wins (%)", (0, 1))


def _iterate_rating_figures(report: ReportPart, scale: str) -> Iterator[tuple[str, Figure]]:
    scores = collect_estimates(report, "mean_opinion", scale)
    if not scores:
        return
    low, high = _widen(*report["input"]["scales"][scale])
    yield f"scores-{scale}", draw_scores(scores, (low, high), "mean opinion score")
    spreads = {method: report["methods"][method]["scores"][scale] for method in scores}
    if all(spread["grades"] for spread in spreads.values()):
        yield f"grades-{scale}", draw_grades(spreads, (low, high))
    else:
        yield f"grades-{scale}", draw_spreads(spreads, (low, high))
    raters = [rater for rater in report["raters"] if rater["scale"] == scale]
    if raters:
        yield f"raters-{scale}", draw_raters(raters)
    images = [
        image
        for image in report["images"]
        if image["scale"] == scale and image["shrunk"] is not None
    ]
    if images:
        yield f"images-{scale}", draw_image_scores(images, list(scores), "mean score", (low, high))


def _widen(low: float, high: float) -> Interval:
    """Return the ends of a scale; half a grade around the only grade that was given."""
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def draw_shares(shares: Estimates, chance: float | None) -> Figure:
    """Draw the share of wins of each method with its intervals, and the chance level."""
    axes = make_row_axes(ROW_HEIGHT * len(shares), ROW_HEIGHT)
    ends = [end for one in shares.values() for end in one["ci95"] or (one["value"],)]
    highest = min(1.0, max([0.6, *(end + 0.03 for end in ends)]))
    axes.set_xlim(0, highest)
    ticks = [tick / 10 for tick in range(0, int(10 * highest) + 1, 2)]
    set_percent_ticks(axes, ticks, "won (% of trials in which it was shown)")
    if chance is not None:
        draw_reference_line(axes, chance, "if all were equal")
    for row, (method, one) in enumerate(shares.items()):
        label_row(axes, row * ROW_HEIGHT, method_label(method), format_percent(one["value"]), True)
        _draw_both_intervals(axes, row * ROW_HEIGHT, one)
    return figure_of(axes)


def draw_rank_sets(estimates: Estimates, name: str, methods: Mapping[str, ReportPart]) -> Figure:
    """Draw the estimate that ranks the methods with its intervals, and the ranks beside it.

    name: `strength`, or the name of the share where strengths are not finite.
    """
    height = ROW_HEIGHT * len(estimates)
    wide, narrow = make_two_row_axes(height, ROW_HEIGHT)
    ends = [end for one in estimates.values() for end in one["ci95"] or (one["value"],)]
    if name == "strength":
        reach = 1.1 * max(0.2, *(abs(end) for end in ends))
        wide.set_xlim(-reach, reach)
        wide.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
        wide.xaxis.set_major_formatter(lambda value, _: format_number(value, 1))
        draw_reference_line(wide, 0, "mean of all")
        wide.set_xlabel("strength (log odds)", fontsize=SMALL_FONT_SIZE, color=MUTED)
    else:
        wide.set_xlim(0, 1)
        set_percent_ticks(wide, [0, 0.25, 0.5, 0.75, 1], "share of wins (%)")
    last = len(estimates)
    narrow.set_xlim(0.5, last + 0.5)
    narrow.set_xticks(range(1, last + 1, 1 + last // 8))
    narrow.set_xlabel("possible ranks", fontsize=SMALL_FONT_SIZE, color=MUTED)
    for row, (method, one) in enumerate(estimates.items()):
        top, (best, worst) = row * ROW_HEIGHT, methods[method]["rank_set"]
        label_row(wide, top, method_label(method), "", True)
        _draw_both_intervals(wide, top, one)
        narrow.plot((best, worst), (top, top), color=ACCENT, linewidth=2.4)
        ranks = range(best, worst + 1)
        narrow.plot(ranks, [top] * len(ranks), "o", color=ACCENT, markersize=5)
    return figure_of(wide)


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


def draw_scores(scores: Estimates, ends: Interval | None, caption: str) -> Figure:
    """Draw a mean score of each method with its intervals.

    ends: of the scale; None for as much as the intervals need.
    """
    axes = make_row_axes(ROW_HEIGHT * len(scores), ROW_HEIGHT)
    reached = [end for one in scores.values() for end in one["ci95"] or (one["value"],)]
    if ends is None:
        margin = 0.08 * (max(reached) - min(reached)) or 0.5
        ends = min(reached) - margin, max(reached) + margin
    low, high = min(ends[0], *reached), max(ends[1], *reached)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(score_locator((low, high)))
    axes.set_xlabel(caption, fontsize=SMALL_FONT_SIZE, color=MUTED)
    for row, (method, one) in enumerate(scores.items()):
        label_row(
            axes, row * ROW_HEIGHT, method_label(method), format_number(one["value"], 2), True
        )
        _draw_both_intervals(axes, row * ROW_HEIGHT, one)
    return figure_of(axes)


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


def draw_image_scores(
    images: Sequence[ReportPart], methods: Sequence[str], caption: str, ends: Interval
) -> Figure:
    """Draw each method's images from the lowest to the highest shrunken score, with intervals."""
    shown = [method for method in methods if any(one["method"] == method for one in images)]
    panels = make_panel_axes([method_label(method) for method in shown], caption, ends)
    for axes, method in zip(panels, shown, strict=True):
        own = [one for one in images if one["method"] == method]
        own.sort(key=lambda one: (one["shrunk"], one["image"]))
        few = own[:: 1 + len(own) // MAX_INTERVALS]
        x = np.linspace(0, 1, len(few)) if len(few) > 1 else np.array([0.5])
        bounds = [(*one["ci95"], np.nan) for one in few]
        axes.plot(np.repeat(x, 3), np.ravel(bounds), color=LINE, linewidth=1.6)
        axes.plot(x, [one["shrunk"] for one in few], "o", color=ACCENT, markersize=3)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([])
    panels[-1].set_xlabel(
        "images, from the lowest to the highest", fontsize=SMALL_FONT_SIZE, color=MUTED
    )
    return figure_of(panels[0])


def _draw_both_intervals(axes: Axes, top: float, one: ReportPart) -> None:
    """Draw a thin line for new images, a thick line for these images, and a dot."""
    for bounds, width in ((one["ci95"], 1.1), (one["ci95_fixed_images"], 3.6)):
        if bounds is not None:
            axes.plot(bounds, (top, top), color=ACCENT, linewidth=width, clip_on=False,
                      solid_capstyle="butt")  # fmt: skip
    axes.plot([one["value"]], [top], "o", color=ACCENT, markersize=6.5, clip_on=False)
