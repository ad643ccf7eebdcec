"""Figures of an evaluation: curves of color error, colorfulness, and which photographs to show."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from colorizer.evaluation.measuring import EvaluationSetup, Measured
from colorizer.evaluation.scores import ImageMetrics
from colorizer.figures.comparison_sheet import (
    GRAY_COLUMN,
    ORIGINAL_COLUMN,
    draw_comparison_sheet,
    save_png,
)
from colorizer.figures.curves import INK, MUTED, STYLE, save_figure
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.methods import MethodInput, read_method_inputs, render_methods

LINES = {  # method -> color and style; colors of Okabe & Ito, which color-blind people can tell
    "real": (INK, "-"),
    "gray": (MUTED, "--"),
    "foil": (MUTED, ":"),
    "l2": ("#0072b2", "-"),
    "l2-vivid": ("#56b4e9", "-"),
    "mcl": ("#d55e00", "-"),
    "mcl-calm": ("#e69f00", "-"),
    "mcl-annealed": ("#cc79a7", "-"),
    "zhang2016": ("#009e73", "-"),
}
SHOWN_ERROR = 60  # ab units; beyond, all curves are near 1
COLORFULNESS_BIN, MAX_COLORFULNESS = 10, 120
NOT_MODELS = ("gray", "foil", "real")  # the other methods have a model
SHEET_ROWS = 4


def draw_error_curves(shares: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draw the curves whose area is the raw AuC.

    shares: method -> share of pixels with an ab error of at most tau, for tau = 0, 1, 2 ...
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes = figure.subplots()
        for method, share in shares.items():
            if method != "real":  # 1 everywhere
                color, style = LINES[method]
                axes.plot(share[: SHOWN_ERROR + 1], style, color=color, linewidth=1.4, label=method)
        axes.set(xlabel="error tau (ab units)", ylabel="pixels with at most this error")
        axes.set(xlim=(0, SHOWN_ERROR), ylim=(0, 1))
        axes.legend(frameon=False, labelcolor=INK, loc="lower right")
    return figure


def draw_colorfulness(values: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the distribution of colorfulness of each method as an outlined histogram.

    values: method -> colorfulness of each photograph. Gray is left out: it has none.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes = figure.subplots()
        edges = np.arange(0, MAX_COLORFULNESS + COLORFULNESS_BIN, COLORFULNESS_BIN)
        for method, colorfulness in values.items():
            if method != "gray":
                color, style = LINES[method]
                counts, _ = np.histogram(np.minimum(colorfulness, MAX_COLORFULNESS), edges)
                axes.stairs(
                    counts / len(colorfulness),
                    edges,
                    color=color,
                    linestyle=style,
                    linewidth=2.2 if method == "real" else 1.3,
                    label=method,
                )
        axes.set(xlabel="colorfulness (Hasler and Suesstrunk)", ylabel="share of photographs")
        axes.set_xlim(0, MAX_COLORFULNESS)
        axes.legend(frameon=False, labelcolor=INK)
    return figure


def rank_photographs(scores: Mapping[str, ImageMetrics]) -> list[str]:
    """Return the photographs, sorted from the best to the worst colorized.

    They are sorted by how much colorizing reduces the color difference (CIEDE2000): that of gray
    minus the mean of the methods that have a model. Without the method `gray`, they are sorted by
    the methods' difference alone, which prefers photographs with little color.
    """

    def saved(image: str) -> float:
        differences = {name: each["ciede2000"].value for name, each in scores[image].items()}
        models = [x for name, x in differences.items() if name not in NOT_MODELS]
        return differences.get("gray", 0.0) - float(np.mean(models))

    return sorted(scores, key=saved, reverse=True)


def save_figures(out: Path, measured: Mapping[str, Measured]) -> None:
    """Save the mean error curves and the colorfulness of every method."""
    methods = next(iter(measured.values())).metrics
    curves = {
        method: torch.stack([each.curves[method] for each in measured.values()]).mean(dim=0)
        for method in methods
    }
    colorfulness = {
        method: [each.metrics[method]["colorfulness"].value for each in measured.values()]
        for method in methods
    }
    save_figure(
        draw_error_curves({method: curve.double().numpy() for method, curve in curves.items()}),
        out / "auc",
    )
    save_figure(draw_colorfulness(colorfulness), out / "colorfulness")


def save_sheets(
    out: Path,
    setup: EvaluationSetup,
    photographs: Sequence[Photograph],
    scores: Mapping[str, ImageMetrics],
    size: int,
) -> None:
    """Save best.png and worst.png: the best and the worst colorized photographs as sheets.

    Without a method that has a model, nothing is saved.
    """
    models = [method for method in setup.methods if method not in NOT_MODELS]
    if not models:
        return
    ranked = rank_photographs(scores)
    by_image = {photograph.image: photograph for photograph in photographs}
    for name, images in (("best", ranked[:SHEET_ROWS]), ("worst", ranked[: -SHEET_ROWS - 1 : -1])):
        inputs = read_method_inputs([by_image[x] for x in images], size, 0, with_donors=False)
        columns = {GRAY_COLUMN: "gray", **{x.upper(): x for x in models}, ORIGINAL_COLUMN: "real"}
        rows = []
        for method_input in inputs:
            if isinstance(method_input, MethodInput):
                rendered = render_methods(
                    method_input.to(setup.device),
                    list(columns.values()),
                    setup.models,
                    setup.precision,
                )
                rows.append({x: rendered[method][0].cpu().numpy() for x, method in columns.items()})
        save_png(draw_comparison_sheet(rows), out / f"{name}.png")
