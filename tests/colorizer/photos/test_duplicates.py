import io
from itertools import combinations

import numpy as np
from PIL import Image, ImageEnhance
from skimage.data import astronaut, chelsea, coffee

from colorizer.photos.duplicates import (
    MAX_HAMMING_BITS,
    find_similar_hashes,
    merge_duplicate_groups,
    perceptual_hash,
)
from colorizer.photos.reading import center_square

SCENES = [astronaut(), chelsea(), coffee()]


def apart(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def hash_of(image: Image.Image) -> str:
    return perceptual_hash(center_square(image.convert("RGB"), 256))


def test_the_hash_survives_what_copies_go_through() -> None:
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
        assert max(apart(hash_of(copy), hash_of(image)) for copy in copies) <= MAX_HAMMING_BITS


def test_other_photographs_have_other_hashes() -> None:
    hashes = [hash_of(Image.fromarray(pixels)) for pixels in SCENES]
    assert min(apart(a, b) for a, b in combinations(hashes, 2)) > 3 * MAX_HAMMING_BITS


def test_one_color_has_the_same_hash_at_every_brightness() -> None:
    flat = {perceptual_hash(np.full((64, 64, 3), level, np.uint8)) for level in (30, 77, 200)}
    assert len(flat) == 1


def test_near_pairs_are_those_that_comparing_all_finds() -> None:
    rng = np.random.default_rng(0)
    words = [int(word) for word in rng.integers(2**63, size=300)]
    for word in words[:200]:  # copies at 0 to 9 bits, in all places
        flips = rng.permutation(64)[: rng.integers(10)]
        words.append(word ^ sum(1 << int(bit) for bit in flips))
    hashes = [f"{word:016x}" for word in words]
    expected = {
        (i, j)
        for i, j in combinations(range(500), 2)
        if apart(hashes[i], hashes[j]) <= MAX_HAMMING_BITS
    }
    found = find_similar_hashes(hashes)
    assert set(found) == expected
    assert len(found) == len(expected) > 100
    distances = [apart(hashes[i], hashes[j]) for i, j in found]
    assert distances == sorted(distances)


def test_equal_hashes_cost_no_square_of_pairs() -> None:
    assert find_similar_hashes(["00ff00ff00ff00ff"] * 4) == [(0, 1), (0, 2), (0, 3)]
    assert find_similar_hashes([]) == []


def test_pairs_join_groups_but_never_two_fixed_ones() -> None:
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
    joined = merge_duplicate_groups(groups, links, assigned_groups={"old", "older"})
    assert joined == ["old", "old", "old", "older", "old", "older"]
