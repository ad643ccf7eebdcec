"""Decide if a photograph has colors to learn: gray and one-hue photographs have none."""

import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.color.spaces import from_bytes, rgb_to_lab

Floats = NDArray[np.floating]

# An image without |a| or |b| above this is gray (from the code released by Zhang et al.).
MAX_GRAY_AB = 5.0
# In a one-hue photograph, such as a sepia print, the color follows from the lightness: 95% of the
# blocks are within this distance, in ab, of the mean color of their lightness. The second value is
# multiplied by the image's chroma, with which the artifacts of JPEG grow. Chosen on 12,654 color
# photographs and 1,350 toned ones; docs/formats.md says how many it finds.
ONE_HUE_DISTANCE, ONE_HUE_DISTANCE_PER_CHROMA = 1.3, 0.05
ONE_HUE_SHARE = 0.95
NEUTRAL_CHROMA = 2.0  # below this, a hue cannot be seen
LIGHTNESS_BINS = 64  # with the same number of pixels
ANALYSIS_PX, MIN_PX = 128, 64  # about the side at which hues are compared, and the least
PREVIEW_PX, PREVIEW_TOLERANCE = 32, 4.0  # a few pixels without averages, and the factor for these
BLOCK = 8  # blocks of 8 x 8 pixels are averaged


def is_gray(pixels: NDArray[np.uint8]) -> bool:
    """Return True if no |a| or |b| of pixels (H, W, 3) is above MAX_GRAY_AB.

    For speed, only one pixel in 16 is checked.
    """
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::4, ::4])))
    return bool(lab[:, 1:].abs().max() <= MAX_GRAY_AB)


def is_one_hue(pixels: NDArray[np.uint8]) -> bool:
    """Return True if the color of pixels (H, W, 3) follows from the lightness, as in toned prints.

    Images of less than MIN_PX are too small to tell.
    """
    if min(pixels.shape[:2]) < MIN_PX:
        return False
    # Most photographs differ so much from one hue that a few pixels tell.
    return _is_tight(_sample_lab(pixels, PREVIEW_PX), 1, PREVIEW_TOLERANCE) and _is_tight(
        _sample_lab(pixels, ANALYSIS_PX), BLOCK, 1
    )


def _sample_lab(pixels: NDArray[np.uint8], side: int) -> Floats:
    """Return Lab (3, H, W) of an image sampled at a side of at least this many pixels."""
    step = max(1, min(pixels.shape[:2]) // side)
    lab: Floats = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::step, ::step])))[0].numpy()
    return lab


def _is_tight(lab: Floats, block: int, tolerance: float) -> bool:
    """Return True if colors Lab (3, H, W) follow from the lightness, within the hue of a toner.

    Distances are averaged over blocks of this many pixels a side, because the chroma of JPEGs is
    coarse. tolerance: a factor of the distance that is allowed.
    """
    rows, columns = (length - length % block for length in lab.shape[1:])
    lightness, ab = lab[0, :rows, :columns], lab[1:, :rows, :columns]
    expected = _ab_of_lightness(lightness, ab)
    differences = (ab - expected).reshape(2, rows // block, block, columns // block, block)
    distances = np.hypot(*differences.mean((2, 4)))
    chroma = np.sqrt((ab**2).sum(axis=0).mean())
    limit = tolerance * (ONE_HUE_DISTANCE + ONE_HUE_DISTANCE_PER_CHROMA * chroma)
    is_near = np.quantile(distances, ONE_HUE_SHARE) <= limit
    return bool(is_near) and _is_within_hue_range(expected.reshape(2, -1))


def _is_within_hue_range(ab: Floats) -> bool:
    """Return True if colors ab (2, N) are within 45 degrees of their mean hue, or nearly neutral.

    The hue of a toned print varies a little with the lightness.
    """
    mean = ab.mean(axis=1)
    direction = mean / max(np.hypot(*mean), 1e-6)
    along = direction @ ab
    across = np.abs(direction[0] * ab[1] - direction[1] * ab[0])
    return bool((across <= along.clip(0) + NEUTRAL_CHROMA).all())


def _ab_of_lightness(lightness: Floats, ab: Floats) -> Floats:
    """Return, at every pixel, the mean ab (2, H, W) of the pixels of its lightness (H, W)."""
    values, flat = lightness.ravel(), ab.reshape(2, -1)
    order = np.argsort(values, kind="stable")
    starts = np.linspace(0, values.size, LIGHTNESS_BINS, endpoint=False).astype(int)
    counts = np.diff(starts, append=values.size)
    means = np.add.reduceat(np.stack([values, *flat])[:, order], starts, axis=1) / counts
    curves = [np.interp(values, means[0], channel) for channel in means[1:]]
    return np.stack(curves).reshape(ab.shape)
