"""Draw comparison sheets: one row per photograph, one column per method, between BW and ORG.

The layout is that of the source report.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from colorizer.files import atomic_write
from colorizer.photos.gray import is_gray
from colorizer.stimuli.full_size import ConfiguredModel, colorize_image, to_grayscale

PanelRow = Mapping[str, NDArray[np.uint8]]  # column -> pixels (H, W, 3), all of one size

GRAY_COLUMN, ORIGINAL_COLUMN = "BW", "ORG"
PANEL_GAP_PX = 6
BACKGROUND_COLOR, INK = "white", "#1a1a1a"


def make_panels(
    photograph: Image.Image, models: Mapping[str, ConfiguredModel], max_side_px: int
) -> dict[str, NDArray[np.uint8]]:
    """Make the panels of a photograph: gray, colorized by each model, and the original.

    The photograph is scaled down so that no side exceeds max_side_px. A gray photograph has no ORG
    panel.
    """
    small = photograph.copy()
    small.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    pixels = np.asarray(small)
    panels = {GRAY_COLUMN: to_grayscale(pixels)}
    panels |= {name: colorize_image(pixels, model) for name, model in models.items()}
    return panels if is_gray(pixels) else {**panels, ORIGINAL_COLUMN: pixels}


def draw_comparison_sheet(rows: Sequence[PanelRow]) -> Image.Image:
    """Draw rows of panels below the names of their columns; a row may have fewer panels."""
    columns = max((list(row) for row in rows), key=len)
    width = max(row[GRAY_COLUMN].shape[1] for row in rows)
    font_px = max(12, width // 14)
    top = 2 * font_px
    height = top + sum(row[GRAY_COLUMN].shape[0] + PANEL_GAP_PX for row in rows) - PANEL_GAP_PX
    sheet = Image.new(
        "RGB", (len(columns) * (width + PANEL_GAP_PX) - PANEL_GAP_PX, height), BACKGROUND_COLOR
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(font_px)
    lefts = {name: index * (width + PANEL_GAP_PX) for index, name in enumerate(columns)}
    for name, left in lefts.items():
        pen.text((left + width / 2, font_px), name, INK, font, anchor="mm")
    for row in rows:
        for name, panel in row.items():
            indent = (width - panel.shape[1]) // 2
            sheet.paste(Image.fromarray(panel), (lefts[name] + indent, top))
        top += row[GRAY_COLUMN].shape[0] + PANEL_GAP_PX
    return sheet


def save_png(image: Image.Image, path: Path) -> None:
    """Save an image as a PNG file atomically."""
    with atomic_write(path) as temporary:
        image.save(temporary, compress_level=1)  # level 6 takes twice as long
