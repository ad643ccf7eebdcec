"""Tests of lightness, gray images and perceptual hashes against published values.

The hashes are also compared with those of `colorizer split`.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorizer.splits import duplicates
from study_server.stimuli import perception
from study_server.stimuli.perception import (
    compute_lightness,
    find_similar_hashes,
    is_gray,
    perceptual_hash,
)


def flat(*rgb: int) -> NDArray[np.uint8]:
    return np.full((8, 8, 3), rgb, np.uint8)


def picture(seed: int, size: int = 96) -> NDArray[np.uint8]:
    corners = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(corners).resize((size, size), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("rgb", "lightness"),  # Lindbloom's calculator, sRGB, D65
    [
        ((0, 0, 0), 0),
        ((255, 255, 255), 100),
        ((255, 0, 0), 53.2408),
        ((0, 255, 0), 87.7347),
        ((0, 0, 255), 32.2970),
        ((119, 119, 119), 50.0344),
        ((1, 1, 1), 0.2742),
    ],
)
def test_lightness(rgb: tuple[int, int, int], lightness: float) -> None:
    assert compute_lightness(flat(*rgb)) == pytest.approx(lightness, abs=0.05)


def test_images_without_color_are_gray() -> None:
    assert is_gray(flat(120, 120, 120))
    assert is_gray(flat(120, 122, 118))
    assert not is_gray(flat(120, 127, 120))
    spot = flat(120, 120, 120)
    spot[4, 4] = 255, 0, 0
    assert not is_gray(spot)


def test_near_duplicates_are_those_of_colorizer_split() -> None:
    for seed in range(20):
        assert f"{perceptual_hash(picture(seed)):016x}" == duplicates.perceptual_hash(picture(seed))
    assert perception.MAX_HAMMING_BITS == duplicates.MAX_HAMMING_BITS


def test_a_smaller_or_darker_copy_is_near_and_another_picture_is_not() -> None:
    pixels = picture(0)
    smaller = np.asarray(Image.fromarray(pixels).resize((64, 64)))
    darker = (pixels * 0.8).astype(np.uint8)
    others = [picture(seed) for seed in range(1, 30)]
    hashes = [perceptual_hash(p) for p in (*others, pixels, smaller, darker)]
    assert find_similar_hashes(hashes) == [(29, 30), (29, 31), (30, 31)]


def test_all_near_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perception, "HASHES_PER_BLOCK", 3)
    hashes = [1 << place for place in range(10)]  # two bits apart, each from each
    assert len(find_similar_hashes(hashes)) == 45
    assert find_similar_hashes([0, 2**64 - 1, 0b111111, 0b1111111]) == [(0, 2), (2, 3)]
    assert find_similar_hashes([]) == []
