"""Find near-duplicates: photographs whose perceptual hashes differ in only a few of 64 bits.

Each bit says if one of the 8 x 8 lowest frequencies is above their median (pHash, Zauner 2010).
"""

from collections.abc import Iterator, Sequence, Set
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Largest number of different bits between near-duplicates. Among 12,654 photographs, 6 bits linked
# 55 pairs, of which about five were wrong; 8 and 10 bits linked 87 and 223 pairs, and most of the
# additional ones were wrong.
MAX_HAMMING_BITS = 6
DCT_INPUT_PX = 32  # side of the image that is transformed
DCT_KEPT = 8  # frequencies along each axis
HASHES_PER_BLOCK = 256  # hashes compared with a bucket at once; limits the memory


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
    hashes: Sequence[str], distance: int = MAX_HAMMING_BITS
) -> list[tuple[int, int]]:
    """Return the pairs of indices i < j whose hashes differ in at most `distance` bits.

    The most similar pairs come first. Among equal hashes, only the first is compared with others.
    Two hashes this similar have at least one of distance + 1 bands of bits in common, so only
    hashes with an equal band are compared.
    """
    hash_values = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64)
    unique, firsts, inverse = np.unique(hash_values, return_index=True, return_inverse=True)
    pairs = {(0, int(firsts[u]), i) for i, u in enumerate(inverse) if firsts[u] != i}
    for bucket in _band_buckets(unique, distance + 1):
        for top in range(0, len(bucket), HASHES_PER_BLOCK):
            block, rest = bucket[top : top + HASHES_PER_BLOCK], bucket[top + 1 :]
            bits_apart = np.bitwise_count(unique[block][:, None] ^ unique[rest][None])
            for row, column in np.argwhere(bits_apart <= distance):
                if block[row] != rest[column]:
                    i, j = sorted((int(firsts[block[row]]), int(firsts[rest[column]])))
                    pairs.add((int(bits_apart[row, column]), i, j))
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


def _band_buckets(hash_values: NDArray[np.uint64], bands: int) -> Iterator[NDArray[np.intp]]:
    """Yield, band by band, the indices of hashes that have the same bits in the band."""
    edges = [round(64 * band / bands) for band in range(bands + 1)]
    for low, high in pairwise(edges):
        keys = (hash_values >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(keys, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
