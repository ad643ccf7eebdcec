"""Comparison sheets: a row a photograph, columns BW, L2, MCL and ORG, as in the source report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from colorizer.files import atomic_write
from colorizer.photos.reading import is_gray
from colorizer.stimuli.full_size import ConfiguredModel, colorize_image, to_grayscale

Panels = Mapping[str, NDArray[np.uint8]]  # column -> pixels (H, W, 3), all of one size

BW, ORG = "BW", "ORG"
GAP = 6  # px between panels
PAPER, INK = "white", "#1a1a1a"


def make_panels(
    photograph: Image.Image, painters: Mapping[str, ConfiguredModel], longest: int
) -> dict[str, NDArray[np.uint8]]:
    """A photograph within so many pixels: gray, as each painter has it, and as it was.

    A photograph without colors has no ORG panel.
    """
    small = photograph.copy()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    pixels = np.asarray(small)
    panels = {BW: to_grayscale(pixels)}
    panels |= {name: colorize_image(pixels, painter) for name, painter in painters.items()}
    return panels if is_gray(pixels) else {**panels, ORG: pixels}


def draw_sheet(rows: Sequence[Panels]) -> Image.Image:
    """Rows of panels under their columns' names; a row may lack some that another has."""
    columns = max((list(row) for row in rows), key=len)
    width = max(row[BW].shape[1] for row in rows)
    letters = max(12, width // 14)
    top = 2 * letters
    height = top + sum(row[BW].shape[0] + GAP for row in rows) - GAP
    sheet = Image.new("RGB", (len(columns) * (width + GAP) - GAP, height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(letters)
    places = {name: index * (width + GAP) for index, name in enumerate(columns)}
    for name, left in places.items():
        pen.text((left + width / 2, letters), name, INK, font, anchor="mm")
    for row in rows:
        for name, panel in row.items():
            indent = (width - panel.shape[1]) // 2
            sheet.paste(Image.fromarray(panel), (places[name] + indent, top))
        top += row[BW].shape[0] + GAP
    return sheet


def save_png(image: Image.Image, path: Path) -> None:
    """Whole or not at all."""
    with atomic_write(path) as temporary:
        image.save(temporary, compress_level=1)  # level 6 takes twice as long
