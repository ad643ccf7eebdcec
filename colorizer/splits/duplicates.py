"""Find near-duplicates: photographs whose perceptual hashes differ in only a few of 64 bits.

Each bit says if one of the 8 x 8 lowest frequencies is above their median (pHash, Zauner 2010).
"""

from collections.abc import Iterator, Sequence, Set
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Largest number of different bits between near-duplicates. Among 12,654 photographs, 6 bits linked
# 55 pairs, of which about five were wrong; 8 and 10 bits linked 87 and 223 pairs, and most of the
# additional ones were wrong.
MAX_HAMMING_BITS = 6
HASH_BITS = 64
SORTING_COST = 4.0  # time to sort one hash, in comparisons of two
DCT_INPUT_PX = 32  # side of the image that is transformed
DCT_KEPT = 8  # frequencies along each axis


def perceptual_hash(square: NDArray[np.uint8]) -> str:
    """Return the perceptual hash of pixels (H, W, 3) as 16 hex digits.

    It changes little if the image is scaled, recompressed or brightened.
    """
    luma = (
        Image.fromarray(square)
        .convert("L")
        .resize((DCT_INPUT_PX, DCT_INPUT_PX), Image.Resampling.BOX)
    )
    cosines = _dct_matrix()
    spectrum = (cosines @ np.asarray(luma, np.float64) @ cosines.T).ravel().round(6)
    bits = spectrum > np.median(spectrum[1:])  # without the first value, the brightness
    return np.packbits(bits).tobytes().hex()


def find_similar_hashes(
    hashes: Sequence[str], distance: int = MAX_HAMMING_BITS, equal_bands: int | None = None
) -> list[tuple[int, int]]:
    """Return the pairs of indices i < j whose hashes differ in at most `distance` bits.

    The most similar pairs come first. Among equal hashes, only the first is compared with others.
    If the bits are cut into distance + k bands, two hashes this similar have at least k bands in
    common, so only hashes with k equal bands are compared. By default, k (`equal_bands`) grows with
    the number of hashes, so that the time hardly grows faster than that number.
    """
    hash_values = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64)
    unique, firsts, inverse = np.unique(hash_values, return_index=True, return_inverse=True)
    pairs = {(0, int(firsts[u]), i) for i, u in enumerate(inverse) if firsts[u] != i}
    for mask in _masks_of_bands(
        distance, equal_bands or _choose_equal_bands(len(unique), distance)
    ):
        for a, b in _iterate_equal(unique & mask):
            bits_apart = np.bitwise_count(unique[a] ^ unique[b])
            near = bits_apart <= distance
            ends = np.sort(np.stack([firsts[a[near]], firsts[b[near]]]), axis=0)
            pairs.update(zip(bits_apart[near].tolist(), *ends.tolist(), strict=True))
    return [(i, j) for _, i, j in sorted(pairs)]


def merge_duplicate_groups(
    groups: Sequence[str], pairs: Sequence[tuple[int, int]], assigned_groups: Set[str]
) -> list[str]:
    """Merge the groups of each pair, in order, and return the new group of every photograph.

    pairs: indices into `groups`. Two `assigned_groups` are never merged, because each already
    belongs to a split.
    """
    parent = {group: group for group in groups}

    def find_root(group: str) -> str:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    for i, j in pairs:
        first, second = sorted(
            (find_root(groups[i]), find_root(groups[j])),
            key=lambda group: (group not in assigned_groups, group),
        )
        if second not in assigned_groups:
            parent[second] = first
    return [find_root(group) for group in groups]


def _dct_matrix() -> NDArray[np.float64]:
    """Return the first rows of the discrete cosine transform, (DCT_KEPT, DCT_INPUT_PX)."""
    sample_positions = 2 * np.arange(DCT_INPUT_PX) + 1
    angles: NDArray[np.float64] = (
        np.outer(np.arange(DCT_KEPT), sample_positions) * np.pi / (2 * DCT_INPUT_PX)
    )
    return np.cos(angles)


def _choose_equal_bands(count: int, distance: int) -> int:
    """Return the number of equal bands that takes the least time for this many random hashes."""

    def cost(equal: int) -> float:
        key_bits = HASH_BITS * equal / (distance + equal)
        return comb(distance + equal, equal) * (SORTING_COST + count / 2 ** (key_bits + 1))

    return min(range(2, 6), key=cost)


def _masks_of_bands(distance: int, equal: int) -> Iterator[np.uint64]:
    """Yield a mask of the bits of every choice of `equal` bands among distance + equal."""
    bands = distance + equal
    edges = [round(HASH_BITS * band / bands) for band in range(bands + 1)]
    masks = [2**high - 2**low for low, high in pairwise(edges)]
    for chosen in combinations(masks, equal):
        yield np.uint64(sum(chosen))


def _iterate_equal(
    keys: NDArray[np.uint64],
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield every two indices of equal keys once, in two arrays at a time.

    In sorted order, equal keys are neighbors: each is paired with the next one, then with the next
    but one, and so on, as long as any are left.
    """
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], keys[order], side="right")
    places = np.arange(len(keys))
    for step in range(1, len(keys)):
        places = places[places + step < ends[places]]
        if not places.size:
            return
        yield order[places], order[places + step]
