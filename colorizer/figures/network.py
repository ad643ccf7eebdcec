"""Draw the diagram of a network by tracing its layers and their output shapes."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log2
from typing import Any, NamedTuple

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from colorizer.figures.curves import INK, MUTED, STYLE
from colorizer.networks.models import Colorizer

INPUT_PX = 256  # side of the traced image
BOX_WIDTH, BOX_HEIGHT = 1.2, 0.42  # inches
COLUMN_STEP, ROW_STEP = 1.6, 0.72  # inches between the centers of boxes
FILL_COLORS = {"backbone": "#dfe7ee", "decoder": "#f1e4d3", "head": "#ecd5d0"}
LATERAL_PREFIX = "decoder.lateral"


class LayerInfo(NamedTuple):
    """A traced layer and its output shape for an image of INPUT_PX pixels."""

    name: str  # as in the state dict
    shape: tuple[int, int, int]  # C, H, W
    parameters: int


class _Box(NamedTuple):
    layer: LayerInfo
    column: int

    @property
    def center(self) -> tuple[float, float]:
        """The center in inches; one row down for each halving of the image."""
        return COLUMN_STEP * self.column, -ROW_STEP * log2(INPUT_PX / self.layer.shape[1])


def trace_layers(model: Colorizer) -> list[LayerInfo]:
    """Return the layers of a model in their order of execution, from lightness to ab."""
    layers: list[LayerInfo] = []
    hooks = [
        module.register_forward_hook(
            lambda module, _, out, name=name: layers.append(_layer_info(name, out, module))
        )
        for name, module in _traced_modules(model)
    ]
    lightness = torch.zeros(1, 1, INPUT_PX, INPUT_PX)
    with torch.inference_mode():
        ab = model.decode(model(lightness))
    for hook in hooks:
        hook.remove()
    return [_layer_info("lightness", lightness), *layers, _layer_info("ab", ab)]


def draw_network(layers: Sequence[LayerInfo]) -> Figure:
    """Draw the layers: backbone, laterals, decoder and head side by side, or a chain.

    Resolution decreases downwards.
    """
    boxes = list(_lay_out(layers))
    centers = [box.center for box in boxes]
    right, bottom = max(x for x, _ in centers), min(y for _, y in centers)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(right + BOX_WIDTH + 0.1, BOX_HEIGHT - bottom + 0.1))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-BOX_WIDTH / 2 - 0.05, right + BOX_WIDTH / 2 + 0.05), aspect="equal")
        axes.set_ylim(bottom - BOX_HEIGHT / 2 - 0.05, BOX_HEIGHT / 2 + 0.05)
        axes.axis("off")
        for start, end in _connect(boxes):
            _draw_arrow(axes, start, end)
        for box in boxes:
            _draw_box(axes, box)
    return figure


def _traced_modules(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the convolutions and sequences of layers at any depth, but no norms or activations."""
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential | nn.Conv2d):
            yield prefix + name, child
        else:
            yield from _traced_modules(child, f"{prefix}{name}.")


def _layer_info(name: str, out: Tensor, module: nn.Module | None = None) -> LayerInfo:
    channels, height, width = out.shape[1:]
    parameters = sum(x.numel() for x in module.parameters()) if module else 0
    return LayerInfo(name, (channels, height, width), parameters)


def _lay_out(layers: Sequence[LayerInfo]) -> Iterator[_Box]:
    """Place the layers in a column for each part of the network, or as a chain without laterals.

    A chain continues in the same column if the resolution changes, else in the next one.
    """
    if any(layer.name.startswith(LATERAL_PREFIX) for layer in layers):
        yield from (_Box(layer, _column(layer.name)) for layer in layers)
        return
    column = 0
    for previous, layer in zip([None, *layers], layers, strict=False):
        column += previous is not None and previous.shape[1:] == layer.shape[1:]
        yield _Box(layer, column)


def _column(name: str) -> int:
    if name.startswith(LATERAL_PREFIX):
        return 1
    return {"decoder": 2, "head": 3, "ab": 4}.get(name.partition(".")[0], 0)


def _connect(boxes: Sequence[_Box]) -> Iterator[tuple[_Box, _Box]]:
    """Yield the pairs of boxes that are joined by an arrow.

    A lateral connects the backbone with the decoder at the same resolution.
    """
    laterals = [box for box in boxes if box.layer.name.startswith(LATERAL_PREFIX)]
    backbone = [box for box in boxes if box.column == 0]
    rest = [box for box in boxes if box not in backbone and box not in laterals]
    if not laterals:
        yield from pairwise(boxes)
        return
    yield from (*pairwise(backbone), *pairwise(rest))
    for box in laterals:
        shape = box.layer.shape[1:]
        yield next(stage for stage in backbone if stage.layer.shape[1:] == shape), box
        yield box, next(stage for stage in rest if stage.layer.shape[1:] == shape)


def _draw_arrow(axes: Axes, start: _Box, end: _Box) -> None:
    """Draw an arrow between the facing edges of two boxes."""
    (x, y), (x2, y2) = start.center, end.center
    if start.column == end.column:
        down = 1 if y2 < y else -1
        y, y2 = y - down * BOX_HEIGHT / 2, y2 + down * BOX_HEIGHT / 2
    else:
        x, x2 = x + BOX_WIDTH / 2, x2 - BOX_WIDTH / 2
    style: Any = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x2, y2), (x, y), arrowprops=style)


def _draw_box(axes: Axes, box: _Box) -> None:
    (x, y), layer = box.center, box.layer
    kind, _, name = layer.name.partition(".")
    corner = (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2)
    fill = FILL_COLORS.get(kind, "white" if not layer.parameters else FILL_COLORS["backbone"])
    axes.add_patch(Rectangle(corner, BOX_WIDTH, BOX_HEIGHT, facecolor=fill, edgecolor=MUTED))
    title = (name or kind).replace(".", " ") + _format_parameter_count(layer.parameters)
    shape = " \N{MULTIPLICATION SIGN} ".join(map(str, layer.shape))
    middle: Any = {"ha": "center", "va": "center"}
    axes.text(x, y + 0.08, title, fontsize=8, color=INK, **middle)
    axes.text(x, y - 0.1, shape, fontsize=7.5, color=MUTED, **middle)


def _format_parameter_count(parameters: int) -> str:
    if not parameters:
        return ""
    return f", {parameters / 1e6:.1f} M" if parameters >= 1e6 else f", {parameters / 1e3:.3g} k"
