"""Measure how images look to people: lightness, absence of color, and similarity."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study_server.stimuli.png import Pixels

MAX_GRAY_DIFFERENCE = (
    4  # between channels, in levels; |a| and |b| are then below 3, which looks gray
)
DCT_INPUT_PX = 32  # side of the image that the perceptual hash transforms
DCT_KEPT = 8  # side of the block of lowest frequencies that it keeps
MAX_HAMMING_BITS = 6  # of 64 bits, between near-duplicates; as in `colorizer split`
HASHES_PER_BLOCK = 256  # compared with all others at once; limits the memory


def is_gray(pixels: Pixels) -> bool:
    """Return whether an image is gray, from every 16th pixel.

    `colorizer batch` checks every pixel and therefore refuses more photographs.
    """
    red, green, blue = np.moveaxis(pixels[::4, ::4], 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return int((highest - lowest).max()) <= MAX_GRAY_DIFFERENCE


def _linear_rgb_table() -> NDArray[np.float64]:
    """Return the linear intensity, 0 to 1, of each 8-bit sRGB value, (256,).

    Source: IEC 61966-2-1.
    """
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lightness_table() -> NDArray[np.float32]:
    """Return the lightness L of each luminance 0..65535. Source: CIE 15."""
    luminance = np.arange(65536) / 65535
    curve = np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, 24389 / 27 * luminance)
    return curve.astype(np.float32)


LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)  # red, green, blue
LUMINANCE_TABLES = [
    (65535 * weight * _linear_rgb_table()).astype(np.uint16) for weight in LUMINANCE_WEIGHTS
]
LIGHTNESS_TABLE = _lightness_table()


def compute_lightness(pixels: Pixels) -> NDArray[np.float32]:
    """Convert sRGB (H, W, 3) to CIE L (H, W), 0 to 100, with an error below 0.05."""
    red, green, blue = (
        table[channel]
        for table, channel in zip(LUMINANCE_TABLES, np.moveaxis(pixels, 2, 0), strict=True)
    )
    lightness: NDArray[np.float32] = LIGHTNESS_TABLE[red + green + blue]
    return lightness


def perceptual_hash(pixels: Pixels) -> int:
    """Return a 64-bit hash that is robust to scaling, recompression and brightness.

    The bits say which of the 8 x 8 lowest frequencies of the luma exceed their median. Source:
    pHash (Zauner 2010).
    """
    luma = (
        Image.fromarray(pixels)
        .convert("L")
        .resize((DCT_INPUT_PX, DCT_INPUT_PX), Image.Resampling.BOX)
    )
    spectrum = (DCT_MATRIX @ np.asarray(luma, np.float64) @ DCT_MATRIX.T).ravel().round(6)
    bits = spectrum > np.median(spectrum[1:])  # without the first, the mean brightness
    return int.from_bytes(np.packbits(bits).tobytes())


def _dct_matrix() -> NDArray[np.float64]:
    """Return the first rows of the discrete cosine transform, (DCT_KEPT, DCT_INPUT_PX)."""
    sample_positions = 2 * np.arange(DCT_INPUT_PX) + 1
    angles: NDArray[np.float64] = (
        np.outer(np.arange(DCT_KEPT), sample_positions) * np.pi / (2 * DCT_INPUT_PX)
    )
    return np.cos(angles)


DCT_MATRIX = _dct_matrix()


def find_similar_hashes(hashes: Collection[int]) -> list[tuple[int, int]]:
    """Return the index pairs i < j of hashes that differ in at most MAX_HAMMING_BITS bits."""
    hash_values = np.array(list(hashes), np.uint64)
    pairs = []
    for top in range(0, len(hash_values), HASHES_PER_BLOCK):
        apart = np.bitwise_count(
            hash_values[top : top + HASHES_PER_BLOCK, None] ^ hash_values[None, top + 1 :]
        )
        near = np.argwhere(np.triu(apart <= MAX_HAMMING_BITS))
        pairs += [(top + int(i), top + 1 + int(j)) for i, j in near]
    return pairs
