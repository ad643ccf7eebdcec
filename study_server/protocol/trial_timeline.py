"""The timeline of a test trial as a drawing: a frame for each display."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, NamedTuple

from study_server.protocol.model import Protocol

FRAME_WIDTH, FRAME_HEIGHT = 66, 44  # in units of the drawing, in which text has 11 units
FRAME_GAP = 12
MARGIN = 1  # for the lines at the edges
LABEL_HEIGHT = 20
IMAGE_SPACE = 3  # between two images
FrameKind = Literal["blank", "images", "mask", "answer"]


class Box(NamedTuple):
    """A rectangle in units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Frame:
    """One thing on the screen, from left to right. reference: the box of the reference, if any."""

    kind: FrameKind
    label: str
    outline: Box
    images: tuple[Box, ...] = ()
    reference: Box | None = None


@dataclass(frozen=True)
class Timeline:
    """The drawing of a trial. description: the same in words."""

    frames: tuple[Frame, ...]
    width: float
    height: float
    description: str


def draw_timeline(protocol: Protocol) -> Timeline:
    """Return the drawing of a test trial."""
    steps = _list_steps(protocol)
    frames = tuple(_draw_frame(i, *step, protocol) for i, step in enumerate(steps))
    width = len(steps) * (FRAME_WIDTH + FRAME_GAP) - FRAME_GAP + 2 * MARGIN
    description = f"A trial: {'; '.join(_describe_step(*step) for step in steps)}."
    height = FRAME_HEIGHT + LABEL_HEIGHT + 2 * MARGIN
    return Timeline(frames, width, height, description)


def _describe_step(kind: FrameKind, label: str, count: int) -> str:
    if kind == "images":
        return f"{'one image' if count == 1 else f'{count} images'}, {label}"
    return {"blank": f"blank, {label}", "mask": f"masks, {label}", "answer": "answer"}[kind]


def _list_steps(protocol: Protocol) -> list[tuple[FrameKind, str, int]]:
    """Return the kind, the label and the number of images of each frame."""
    steps: list[tuple[FrameKind, str, int]] = [("blank", f"{protocol.blank_ms} ms", 0)]
    is_sequential = protocol.presentation == "sequential"
    for number in range(protocol.candidate_count if is_sequential else 1):
        if number:
            steps.append(("blank", f"{protocol.gap_ms} ms", 0))
        shown = 1 if is_sequential else protocol.candidate_count
        steps.append(("images", _exposure_label(protocol), shown))
        if protocol.masks:
            steps.append(("mask", f"{protocol.masks} x {protocol.mask_ms} ms", 0))
    if all(protocol.exposures_ms):
        steps.append(("answer", "answer", 0))
    return steps


def _exposure_label(protocol: Protocol) -> str:
    exposures = [exposure for exposure in protocol.exposures_ms if exposure]
    if protocol.staircase:
        return f"from {protocol.staircase.start_ms} ms"
    if not exposures:
        return "until answer"
    if len(exposures) > 1:
        return f"{min(exposures)}–{max(exposures)} ms"
    return f"{exposures[0]} ms"


def _draw_frame(index: int, kind: FrameKind, label: str, count: int, protocol: Protocol) -> Frame:
    left = MARGIN + index * (FRAME_WIDTH + FRAME_GAP)
    outline = Box(left, MARGIN, FRAME_WIDTH, FRAME_HEIGHT)
    has_reference = kind == "images" and bool(protocol.reference)
    boxes = _arrange(count + has_reference, outline, is_grid=protocol.layout == "grid")
    reference = boxes.pop() if has_reference else None
    return Frame(kind, label, outline, tuple(boxes), reference)


def _arrange(count: int, outline: Box, *, is_grid: bool) -> list[Box]:
    """Return the boxes of some square images, centered in a frame, in a row or in a grid."""
    if not count:
        return []
    columns = ceil(sqrt(count)) if is_grid else count
    rows = ceil(count / columns)
    side = min(
        (outline.width - IMAGE_SPACE * (columns + 1)) / columns,
        (outline.height - IMAGE_SPACE * (rows + 1)) / rows,
    )
    step = side + IMAGE_SPACE
    left = outline.x + (outline.width - columns * step + IMAGE_SPACE) / 2
    top = outline.y + (outline.height - rows * step + IMAGE_SPACE) / 2
    return [
        Box(left + (i % columns) * step, top + (i // columns) * step, side, side)
        for i in range(count)
    ]
