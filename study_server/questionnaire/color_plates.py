"""Pseudo-isochromatic plates: digits of dots that people with red-green deficiencies hardly see.

Digit and ground differ along colors that both deuteranopes and protanopes confuse. The colors were
found by a search with the matrices of Machado, Oliveira & Fernandes 2009 (IEEE TVCG 15:1291,
severity 1). As on Ishihara plates, the dots vary in size and lightness; they also vary in blueness,
which both groups can see. The plates are for screening, not for diagnosis, because participants'
displays are not calibrated.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from study_server.stimuli.png import Pixels

Lab = NDArray[np.float64]  # (N, 3), CIE L, a, b under D65

DIGITS = tuple(range(2, 10))  # 0 and 1 have too many common shapes
PLATE_PX = 280  # width and height; the dots fill a disc
SUPERSAMPLING = 3  # plates are drawn this many times larger and then averaged
DOT_RADII_PX = (6.4, 5.2, 4.2, 3.4, 2.7)  # large dots are placed first
PLACEMENT_TRIES = (350, 700, 1400, 2000, 2600)  # random positions tried for each radius
DOT_GAP_PX = 0.8  # smallest distance between two dots
LIGHTNESS, LIGHTNESS_SPREAD, BLUENESS_SPREAD = 62, 10, 9  # CIE L, and half ranges of L and b
BACKGROUND_COLOR = (240, 240, 240)

# Pairs of (a, b) in CIE Lab, for digit and ground in random order. The colors of a pair differ by
# 40, but by at most 6 for a dichromat.
PALETTES = (
    ((21.7, -15.0), (-18.4, -16.1)),  # violet, blue-green
    ((12.7, -0.6), (-27.9, -1.8)),  # rose, green
    ((-5.1, 20.5), (-45.9, 19.3)),  # sand, grass
)
D65_WHITE = np.array([0.9504559, 1.0, 1.0890578])  # D65, Y = 1
XYZ_TO_RGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


@lru_cache(maxsize=64)
def draw_plate(digit: int, seed: str) -> Pixels:
    """Draw a plate, (PLATE_PX, PLATE_PX, 3); the same digit and seed give the same plate."""
    rng = np.random.default_rng(list(seed.encode()))
    dots = _place_dots(rng)
    x, y, radius = dots.T
    inside = _digit_mask(digit)[y.round().astype(int), x.round().astype(int)]
    figure, ground = rng.permutation(np.array(PALETTES[rng.integers(len(PALETTES))]))
    lab = np.empty((len(dots), 3))
    for chroma, is_inside in ((figure, inside), (ground, ~inside)):
        for size in DOT_RADII_PX:  # per dot size, so that the digit is not lighter by chance
            chosen = is_inside & (radius == size)
            lab[chosen] = _vary(chroma, chosen.sum(), rng)
    return _render_dots(dots, lab_to_srgb(lab))


def _place_dots(rng: np.random.Generator) -> NDArray[np.float64]:
    """Place dots that do not touch at random; return (N, 3) x, y and radius in px."""
    dots = np.empty((0, 3))
    for radius, tries in zip(DOT_RADII_PX, PLACEMENT_TRIES, strict=True):
        for _ in range(tries):
            angle, distance = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform())
            reach = (PLATE_PX / 2 - 2 - radius) * distance
            center = PLATE_PX / 2 + reach * np.array([np.cos(angle), np.sin(angle)])
            between = np.hypot(*(dots[:, :2] - center).T)
            if np.all(between > dots[:, 2] + radius + DOT_GAP_PX):
                dots = np.vstack([dots, [*center, radius]])
    return dots


def _digit_mask(digit: int) -> NDArray[np.bool_]:
    """Return a mask, (PLATE_PX, PLATE_PX), that is True on the digit."""
    image = Image.new("1", (PLATE_PX, PLATE_PX))
    font = ImageFont.load_default(size=0.92 * PLATE_PX)
    middle = (PLATE_PX / 2, PLATE_PX / 2)
    ImageDraw.Draw(image).text(
        middle, str(digit), fill=1, font=font, anchor="mm", stroke_width=PLATE_PX // 90
    )
    return np.asarray(image)


def _vary(chroma: NDArray[np.float64], count: int, rng: np.random.Generator) -> Lab:
    """Return (count, 3) Lab colors of one (a, b) with varied lightness and blueness."""
    a, b = chroma
    steps = (np.arange(count) + 0.5) / max(count, 1) * 2 - 1  # evenly in (-1, 1)
    lightness = LIGHTNESS + LIGHTNESS_SPREAD * rng.permutation(steps)
    blueness = b + BLUENESS_SPREAD * rng.permutation(steps)
    return np.stack([lightness, np.full(count, a), blueness], axis=1)


def lab_to_srgb(lab: Lab) -> NDArray[np.uint8]:
    """Convert (N, 3) CIE Lab under D65 to (N, 3) 8-bit sRGB (IEC 61966-2-1), clipped."""
    lightness, a, b = lab.T
    y = (lightness + 16) / 116
    cubes = np.stack([y + a / 500, y, y - b / 200], axis=1)
    linear = np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29)) * D65_WHITE
    rgb = np.clip(linear @ XYZ_TO_RGB.T, 0, 1)
    encoded = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.asarray((255 * encoded).round(), np.uint8)


def _render_dots(dots: NDArray[np.float64], colors: NDArray[np.uint8]) -> Pixels:
    image = Image.new("RGB", (SUPERSAMPLING * PLATE_PX, SUPERSAMPLING * PLATE_PX), BACKGROUND_COLOR)
    draw = ImageDraw.Draw(image)
    for (x, y, radius), color in zip(dots * SUPERSAMPLING, colors, strict=True):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(color.tolist()))
    return np.asarray(image.reduce(SUPERSAMPLING))
