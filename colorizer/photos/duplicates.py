"""Near-duplicates: photographs whose perceptual hashes differ in a few of 64 bits.

The hash is the signs of the 8 x 8 lowest frequencies about their median (Zauner 2010, pHash).
"""

from collections.abc import Iterator, Sequence, Set
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# bits; of 12,654 photographs it linked 55 pairs, all but about five rightly; 8 and 10
MAX_HAMMING_BITS = 6
# bits linked 87 and 223, the further ones mostly by chance
DCT_INPUT_PX = 32  # a side of the image that is transformed
DCT_KEPT = 8
HASHES_PER_BLOCK = 256  # hashes compared with a bucket at once: bounds the memory


def perceptual_hash(square: NDArray[np.uint8]) -> str:
    """pixels (H, W, 3) -> 16 hex digits that survive scaling, recompression, brightness"""
    luma = (
        Image.fromarray(square)
        .convert("L")
        .resize((DCT_INPUT_PX, DCT_INPUT_PX), Image.Resampling.BOX)
    )
    cosines = _dct_matrix()
    spectrum = (cosines @ np.asarray(luma, np.float64) @ cosines.T).ravel().round(6)
    bits = spectrum > np.median(spectrum[1:])  # the first is the brightness
    return np.packbits(bits).tobytes().hex()


def find_similar_hashes(
    hashes: Sequence[str], distance: int = MAX_HAMMING_BITS
) -> list[tuple[int, int]]:
    """Indices i < j of hashes that differ in at most `distance` bits, the nearest first.

    Of equal hashes only the first is compared with others. Hashes that near agree wholly in one of
    distance + 1 bands of bits, so only those that share a band are compared.
    """
    hash_values = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64)
    unique, firsts, inverse = np.unique(hash_values, return_index=True, return_inverse=True)
    pairs = {(0, int(firsts[u]), i) for i, u in enumerate(inverse) if firsts[u] != i}
    for bucket in _band_buckets(unique, distance + 1):
        for top in range(0, len(bucket), HASHES_PER_BLOCK):
            block, rest = bucket[top : top + HASHES_PER_BLOCK], bucket[top + 1 :]
            apart = np.bitwise_count(unique[block][:, None] ^ unique[rest][None])
            for row, column in np.argwhere(apart <= distance):
                if block[row] != rest[column]:
                    i, j = sorted((int(firsts[block[row]]), int(firsts[rest[column]])))
                    pairs.add((int(apart[row, column]), i, j))
    return [(i, j) for _, i, j in sorted(pairs)]


def merge_duplicate_groups(
    groups: Sequence[str], pairs: Sequence[tuple[int, int]], assigned_groups: Set[str]
) -> list[str]:
    """The group of every photograph after the pairs are joined, in their order.

    Two of `assigned_groups` are in their splits already and stay apart.
    """
    leader = {group: group for group in groups}

    def find(group: str) -> str:
        while leader[group] != group:
            leader[group] = group = leader[leader[group]]
        return group

    for i, j in pairs:
        first, second = sorted(
            (find(groups[i]), find(groups[j])), key=lambda g: (g not in assigned_groups, g)
        )
        if second not in assigned_groups:
            leader[second] = first
    return [find(group) for group in groups]


def _dct_matrix() -> NDArray[np.float64]:
    """The first rows of the discrete cosine transform (DCT_KEPT, DCT_INPUT_PX)"""
    sample_positions = 2 * np.arange(DCT_INPUT_PX) + 1
    turns: NDArray[np.float64] = (
        np.outer(np.arange(DCT_KEPT), sample_positions) * np.pi / (2 * DCT_INPUT_PX)
    )
    return np.cos(turns)


def _band_buckets(hash_values: NDArray[np.uint64], bands: int) -> Iterator[NDArray[np.intp]]:
    """Indices of words that agree in a band of their 64 bits, band after band"""
    edges = [round(64 * band / bands) for band in range(bands + 1)]
    for low, high in pairwise(edges):
        keys = (hash_values >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(keys, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
