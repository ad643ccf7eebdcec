"""The figures of a report on judged candidates, each drawn from parts of report.json."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.canvas import (
    ACCENT,
    LINE,
    MUTED,
    ROW_HEIGHT,
    SMALL_FONT_SIZE,
    draw_reference_line,
    figure_of,
    label_row,
    make_panel_axes,
    make_row_axes,
    make_two_row_axes,
    score_locator,
    set_percent_ticks,
)
from analysis.figures.figures import MAX_INTERVALS, draw_flow
from analysis.figures.ratings import draw_grades, draw_raters, draw_spreads
from analysis.figures.win_matrix import MAX_MATRIX_METHODS, draw_win_matrix
from analysis.findings.judged_parts import (
    collect_estimates,
    find_chance,
    find_ranked_name,
    find_share_name,
    list_scales,
)
from analysis.formatting import ReportPart, format_number, format_percent, method_label
from analysis.inference.intervals import Interval

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
