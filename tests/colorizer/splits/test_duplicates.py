import io
from itertools import combinations
from time import process_time

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from skimage.data import astronaut, chelsea, coffee

from colorizer.photos.reading import center_square
from colorizer.splits.duplicates import (
    MAX_HAMMING_BITS,
    find_similar_hashes,
    merge_duplicate_groups,
    perceptual_hash,
)

SCENES = [astronaut(), chelsea(), coffee()]


def differing_bits(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def hash_of(image: Image.Image) -> str:
    return perceptual_hash(center_square(image.convert("RGB"), 256))


def test_the_hash_barely_changes_under_scaling_recompression_and_brightness() -> None:
    for pixels in SCENES:
        image, file = Image.fromarray(pixels), io.BytesIO()
        image.save(file, "JPEG", quality=30)
        copies = [
            Image.open(file),
            image.resize((image.width // 4, image.height // 4)),
            ImageEnhance.Brightness(image).enhance(0.8),
            ImageEnhance.Contrast(image).enhance(0.7),
            image.convert("L"),
        ]
        assert (
            max(differing_bits(hash_of(copy), hash_of(image)) for copy in copies)
            <= MAX_HAMMING_BITS
        )


def test_different_photographs_have_different_hashes() -> None:
    hashes = [hash_of(Image.fromarray(pixels)) for pixels in SCENES]
    assert min(differing_bits(a, b) for a, b in combinations(hashes, 2)) > 3 * MAX_HAMMING_BITS


def test_images_of_one_color_have_the_same_hash_at_every_brightness() -> None:
    flat = {perceptual_hash(np.full((64, 64, 3), level, np.uint8)) for level in (30, 77, 200)}
    assert len(flat) == 1


@pytest.mark.parametrize("equal_bands", [None, 1, 3, 4])
def test_similar_pairs_are_those_of_an_exhaustive_comparison(equal_bands: int | None) -> None:
    rng = np.random.default_rng(0)
    values = [int(value) for value in rng.integers(2**63, size=300)]
    for value in values[:200]:  # copies with 0 to 9 flipped bits
        flips = rng.permutation(64)[: rng.integers(10)]
        values.append(value ^ sum(1 << int(bit) for bit in flips))
    hashes = [f"{value:016x}" for value in values]
    expected = {
        (i, j)
        for i, j in combinations(range(500), 2)
        if differing_bits(hashes[i], hashes[j]) <= MAX_HAMMING_BITS
    }
    pairs = find_similar_hashes(hashes, equal_bands=equal_bands)
    assert set(pairs) == expected
    assert len(pairs) == len(expected) > 100
    distances = [differing_bits(hashes[i], hashes[j]) for i, j in pairs]
    assert distances == sorted(distances)


@pytest.mark.slow(0.5)
def test_time_does_not_grow_with_the_square_of_the_number_of_hashes() -> None:
    rng = np.random.default_rng(0)
    seconds = []
    for count in (20_000, 80_000):
        hashes = [f"{value:016x}" for value in rng.integers(2**63, size=count)]
        began = process_time()
        find_similar_hashes(hashes)
        seconds.append(process_time() - began)
    assert seconds[1] < 10 * seconds[0]  # with the square, 16 times


def test_equal_hashes_are_paired_only_with_the_first() -> None:
    assert find_similar_hashes(["00ff00ff00ff00ff"] * 4) == [(0, 1), (0, 2), (0, 3)]
    assert find_similar_hashes([]) == []


def test_pairs_merge_groups_but_never_two_assigned_ones() -> None:
    groups = ["a", "b", "c", "d", "old", "older"]
    chain = [(0, 1), (1, 2)]
    assert merge_duplicate_groups(groups, chain, assigned_groups=set()) == [
        "a",
        "a",
        "a",
        "d",
        "old",
        "older",
    ]
    links = [*chain, (2, 4), (4, 5), (3, 5), (0, 3)]
    merged = merge_duplicate_groups(groups, links, assigned_groups={"old", "older"})
    assert merged == ["old", "old", "old", "older", "old", "older"]
