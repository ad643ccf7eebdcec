"""The figure of rates by exposure, with fitted curves and thresholds."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.canvas import (
    ACCENT,
    DASHED,
    MUTED,
    SMALL_FONT_SIZE,
    figure_of,
    make_panel_axes,
)
from analysis.formatting import ReportPart, format_number, method_label
from analysis.inference.detection import REAL_METHOD
from analysis.inference.exposure_curves import THRESHOLD_RATE, share_correct

CURVE_POINTS = 200
CURVE_HEIGHT, SHAPE_FREE_HEIGHT = 0.18, 0.05  # shares at which the two thresholds are drawn
DODGE = 0.08  # doublings between a method and the photographs at the same exposure
MARGIN = 0.3  # doublings on both sides of the exposures


def draw_exposures(by_exposure: ReportPart) -> Figure:
    """Draw the rate of each method at each exposure, with 95% intervals.

    For pairs, the share of correct answers with the fitted curve, the threshold of the curve
    (filled) and the one without a shape (hollow), each with its interval. For single images, the
    fooling rate, and the share of photographs that were called fake beside it in gray.
    """
    thresholds = by_exposure["thresholds"]
    rates: dict[str, list[ReportPart]] = {}
    for one in by_exposure["rates"]:
        rates.setdefault(one["method"], []).append(one)
    photographs = rates.pop(REAL_METHOD, [])
    exposures_ms = sorted({one["exposure_ms"] for one in by_exposure["rates"]})
    caption = "correct (%)" if thresholds else "rate (%)"
    panels = make_panel_axes([method_label(method) for method in rates], caption)
    for axes, (method, own) in zip(panels, rates.items(), strict=True):
        if method in thresholds:
            axes.axhline(THRESHOLD_RATE, color=MUTED, linewidth=0.9, linestyle=DASHED)
            _draw_curve(axes, thresholds[method], exposures_ms)
            _draw_thresholds(axes, thresholds[method], exposures_ms)
            _draw_rates(axes, list(map(_correct_share, own)), ACCENT)
        else:
            _draw_rates(axes, photographs, MUTED, DODGE)
            _draw_rates(axes, own, ACCENT, -DODGE if photographs else 0)
        _set_exposure_ticks(axes, exposures_ms, is_last=axes is panels[-1])
    return figure_of(panels[0])


def _correct_share(rate: ReportPart) -> ReportPart:
    """Return a fooling rate of pairs as the share of correct answers, with its interval."""
    bounds = rate["ci95"] and [1 - bound for bound in reversed(rate["ci95"])]
    return {**rate, "rate": 1 - rate["rate"], "ci95": bounds}


def _draw_rates(axes: Axes, rates: Sequence[ReportPart], color: str, shift: float = 0) -> None:
    """Draw rates as dots with intervals; shift: doublings to the right."""
    for one in rates:
        x = np.log2(one["exposure_ms"]) + shift
        if one["ci95"]:
            axes.plot((x, x), one["ci95"], color=color, linewidth=2.4, clip_on=False)
        axes.plot([x], [one["rate"]], "o", color=color, markersize=6.5, clip_on=False)


def _draw_curve(axes: Axes, threshold: ReportPart, exposures_ms: Sequence[float]) -> None:
    """Draw the fitted curve between the shortest and the longest exposure, if there is one."""
    if threshold["slope"] is None:
        return
    x = np.linspace(np.log2(exposures_ms[0]), np.log2(exposures_ms[-1]), CURVE_POINTS)
    shares = share_correct(2**x, *(threshold[key] for key in ("intercept", "slope", "lapse")))
    axes.plot(x, shares, color=MUTED, linewidth=1.2)


def _draw_thresholds(axes: Axes, threshold: ReportPart, exposures_ms: Sequence[float]) -> None:
    """Draw both thresholds with their intervals at the foot of the panel.

    A threshold outside the exposures is not drawn, and its interval ends at the last of them.
    """
    shortest, longest = exposures_ms[0], exposures_ms[-1]
    drawn: tuple[tuple[ReportPart, float, str], ...] = (
        (threshold, CURVE_HEIGHT, MUTED),
        (threshold["shape_free"], SHAPE_FREE_HEIGHT, "#ffffff"),
    )
    for one, height, fill in drawn:
        ms, bounds = one["ms"], one["ci95"]
        if ms is None:
            continue
        low, high = bounds or (ms, ms)
        ends = (shortest if low is None else low, longest if high is None else high)
        x = np.log2(np.clip(ends, shortest, longest))
        axes.plot(x, (height, height), color=MUTED, linewidth=1.6)
        if shortest <= ms <= longest:
            axes.plot(
                [np.log2(ms)], [height], "D", markersize=5, markeredgecolor=MUTED,
                markerfacecolor=fill,
            )  # fmt: skip


def _set_exposure_ticks(axes: Axes, exposures_ms: Sequence[float], is_last: bool) -> None:
    x = np.log2(exposures_ms)
    axes.set_xlim(x[0] - MARGIN, x[-1] + MARGIN)
    axes.set_xticks(x, [format_number(exposure) if is_last else "" for exposure in exposures_ms])
    if is_last:
        axes.set_xlabel("exposure (ms)", fontsize=SMALL_FONT_SIZE, color=MUTED)
