"""Figures for a paper: loss curves and the loss weights of the color bins."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.collections import PatchCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from colorizer.color.bins import bin_centers
from colorizer.color.spaces import lab_to_rgb_in_gamut
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write

FIGURE_FORMATS = ("svg", "png")
INK, MUTED, TRAIN_COLOR, VAL_COLOR = "#1a1a1a", "#5a5a5a", "#8a8a8a", "#a33a12"
OBJECTIVE_TITLES = {"l2": "L2 regression", "mcl": "Classification with rebalancing (MCL)"}
LOSS_LABELS = {
    "l2": "summed squared error (ab / 110)",
    "mcl": "weighted cross-entropy (nats per pixel)",
}
# The lightness at which the bins are drawn; most of them are in the gamut at this L.
SWATCH_LIGHTNESS = 60.0
BIN_SIZE = 10.0  # side of a bin in ab units
STYLE: Any = {  # Any, because the types of these names differ between versions of matplotlib
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "svg.fonttype": "none",
    "svg.hashsalt": "hue-and-eye",
}


def read_log(path: Path) -> dict[str, list[float]]:
    """Read log.csv of a run: column -> its values by epoch.

    Raises ColorizerError if the file is missing or is not a log.
    """
    if not path.exists():
        raise ColorizerError(f"{path}: no training log; use the folder of a `colorizer train` run")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return {name: [float(row[name]) for row in rows] for name in rows[0]}
    except (IndexError, ValueError, TypeError) as error:
        raise ColorizerError(f"{path}: not a log of `colorizer train` ({error})") from error


def draw_loss_curves(log: Mapping[str, list[float]], objective: str) -> Figure:
    """Draw training and validation loss by epoch, and mark the lowest validation loss.

    Figures 3 and 4 of the source report.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.2, 2.9), layout="constrained")
        axes = figure.subplots()
        epochs, validation = log["epoch"], log["val_loss"]
        axes.plot(
            epochs, log["train_loss"], "o-", color=TRAIN_COLOR, markersize=3, label="training"
        )
        axes.plot(epochs, validation, "o-", color=VAL_COLOR, markersize=3, label="validation")
        best = int(np.argmin(validation))
        axes.axvline(epochs[best], color=MUTED, linewidth=0.7, linestyle=":", zorder=0)
        axes.plot(
            epochs[best], validation[best], "o", color=VAL_COLOR, markersize=7, fillstyle="none"
        )
        kept = f"epoch {epochs[best]:.0f}, {validation[best]:.3g}"
        axes.annotate("lowest: " + kept, (1, 1.01), None, "axes fraction", color=MUTED, ha="right")
        axes.set(xlabel="epoch", ylabel=LOSS_LABELS[objective])
        axes.set_title(OBJECTIVE_TITLES[objective], loc="left", fontsize=9, weight="bold", pad=16)
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend(frameon=False, labelcolor=INK)
    return figure


def draw_bin_weights(weight: Tensor) -> Figure:
    """Draw the bins in their colors and with their loss weights (Q,).

    Figure 2 of the source report.
    """
    bins = bin_centers()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes in (left, right):
            axes.set(xlim=(-98, 108), ylim=(-118, 108), xlabel="a", aspect="equal")
            axes.spines[:].set_visible(False)
            axes.tick_params(length=2)
        left.set(ylabel="b")
        left.set_title(f"bins at L = {SWATCH_LIGHTNESS:.0f}", fontsize=9)
        left.add_collection(
            PatchCollection(_bin_rectangles(bins), facecolor=bin_colors(bins).numpy())
        )
        squares = PatchCollection(_bin_rectangles(bins), cmap="cividis", norm=LogNorm())
        squares.set_array(weight.numpy())
        right.add_collection(squares)
        right.set_title("loss weight of each bin", fontsize=9)
        bar = figure.colorbar(squares, ax=right, shrink=0.9, format="%g")
        low, high = float(weight.min()), float(weight.max())
        bar.set_ticks([tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low <= tick <= high])
        bar.minorticks_off()
        bar.outline.set_visible(False)
    return figure


def bin_colors(bins: Tensor) -> Tensor:
    """Return the colors of bins ab (Q, 2) at SWATCH_LIGHTNESS, mapped to sRGB (Q, 3) in [0, 1]."""
    lab = torch.cat([torch.full_like(bins[:, :1], SWATCH_LIGHTNESS), bins], dim=1)
    return lab_to_rgb_in_gamut(lab).clamp(0, 1)


def save_figure(figure: Figure, path: Path) -> None:
    """Save path.svg and path.png without a date, so that the same data give the same files."""
    dates = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    for kind in FIGURE_FORMATS:
        target = path.with_name(f"{path.name}.{kind}")
        with mpl.rc_context(STYLE), atomic_write(target) as temporary:
            figure.savefig(temporary, format=kind, dpi=300, metadata=dates[kind])


def _bin_rectangles(bins: Tensor) -> list[Rectangle]:
    return [
        Rectangle((a - BIN_SIZE / 2, b - BIN_SIZE / 2), BIN_SIZE, BIN_SIZE)
        for a, b in bins.tolist()
    ]
