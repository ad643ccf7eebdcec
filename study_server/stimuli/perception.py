"""What people see of pixels: lightness, whether there is color, which images look alike."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study_server.stimuli.png import Pixels

GRAY = 4  # of 255 between channels: |a| and |b| are below 3, and nobody sees a color
SAMPLES, FREQUENCIES = 32, 8  # a side of what the perceptual hash transforms, and of what it keeps
DISTANCE = 6  # of 64 bits in which near-duplicates differ at most, as in `colorizer split`
ROWS = 256  # hashes compared with all others at once: bounds the memory


def is_gray(pixels: Pixels) -> bool:
    """Whether no pixel in 16 has a color; `colorizer batch` refuses more than that."""
    red, green, blue = np.moveaxis(pixels[::4, ::4], 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return int((highest - lowest).max()) <= GRAY


def _linear() -> NDArray[np.float64]:
    """Light of each 8-bit sRGB value (256,), 0 to 1 (IEC 61966-2-1)"""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lightness() -> NDArray[np.float32]:
    """L of each luminance 0..65535 (CIE 15)"""
    luminance = np.arange(65536) / 65535
    curve = np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, 24389 / 27 * luminance)
    return curve.astype(np.float32)


WEIGHTS = (0.2126, 0.7152, 0.0722)  # of red, green and blue in luminance
LUMINANCE = [(65535 * weight * _linear()).astype(np.uint16) for weight in WEIGHTS]
LIGHTNESS = _lightness()


def find_lightness(pixels: Pixels) -> NDArray[np.float32]:
    """sRGB (H, W, 3) -> CIE L (H, W), 0 to 100, within 0.05"""
    red, green, blue = (
        table[channel] for table, channel in zip(LUMINANCE, np.moveaxis(pixels, 2, 0), strict=True)
    )
    lightness: NDArray[np.float32] = LIGHTNESS[red + green + blue]
    return lightness


def perceptual_hash(pixels: Pixels) -> int:
    """64 bits that survive scaling, recompression and brightness: pHash (Zauner 2010).

    The signs of the 8 x 8 lowest frequencies of the luma about their median.
    """
    luma = Image.fromarray(pixels).convert("L").resize((SAMPLES, SAMPLES), Image.Resampling.BOX)
    spectrum = (COSINES @ np.asarray(luma, np.float64) @ COSINES.T).ravel().round(6)
    bits = spectrum > np.median(spectrum[1:])  # the first is the brightness
    return int.from_bytes(np.packbits(bits).tobytes())


def _cosines() -> NDArray[np.float64]:
    """The first rows of the discrete cosine transform (FREQUENCIES, SAMPLES)"""
    places = 2 * np.arange(SAMPLES) + 1
    turns: NDArray[np.float64] = np.outer(np.arange(FREQUENCIES), places) * np.pi / (2 * SAMPLES)
    return np.cos(turns)


COSINES = _cosines()


def near_pairs(hashes: Collection[int]) -> list[tuple[int, int]]:
    """Places i < j of hashes that differ in at most DISTANCE bits"""
    words = np.array(list(hashes), np.uint64)
    pairs = []
    for top in range(0, len(words), ROWS):
        apart = np.bitwise_count(words[top : top + ROWS, None] ^ words[None, top + 1 :])
        near = np.argwhere(np.triu(apart <= DISTANCE))
        pairs += [(top + int(i), top + 1 + int(j)) for i, j in near]
    return pairs
