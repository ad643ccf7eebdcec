"""Near-duplicates: photographs whose perceptual hashes differ in a few of 64 bits.

The hash is the signs of the 8 x 8 lowest frequencies about their median (Zauner 2010, pHash).
"""

from collections.abc import Iterator, Sequence, Set
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DISTANCE = 6  # bits; of 12,654 photographs it linked 55 pairs, all but about five rightly; 8 and 10
# bits linked 87 and 223, the further ones mostly by chance
SAMPLES = 32  # a side of the image that is transformed
FREQUENCIES = 8
ROWS = 256  # hashes compared with a bucket at once: bounds the memory


def perceptual_hash(square: NDArray[np.uint8]) -> str:
    """pixels (H, W, 3) -> 16 hex digits that survive scaling, recompression, brightness"""
    luma = Image.fromarray(square).convert("L").resize((SAMPLES, SAMPLES), Image.Resampling.BOX)
    cosines = _cosines()
    spectrum = (cosines @ np.asarray(luma, np.float64) @ cosines.T).ravel().round(6)
    bits = spectrum > np.median(spectrum[1:])  # the first is the brightness
    return np.packbits(bits).tobytes().hex()


def near_pairs(hashes: Sequence[str], distance: int = DISTANCE) -> list[tuple[int, int]]:
    """Indices i < j of hashes that differ in at most `distance` bits, the nearest first.

    Of equal hashes only the first is compared with others. Hashes that near agree wholly in one of
    distance + 1 bands of bits, so only those that share a band are compared.
    """
    words = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64)
    unique, firsts, inverse = np.unique(words, return_index=True, return_inverse=True)
    found = {(0, int(firsts[u]), i) for i, u in enumerate(inverse) if firsts[u] != i}
    for bucket in _buckets(unique, distance + 1):
        for top in range(0, len(bucket), ROWS):
            block, rest = bucket[top : top + ROWS], bucket[top + 1 :]
            apart = np.bitwise_count(unique[block][:, None] ^ unique[rest][None])
            for row, column in np.argwhere(apart <= distance):
                if block[row] != rest[column]:
                    i, j = sorted((int(firsts[block[row]]), int(firsts[rest[column]])))
                    found.add((int(apart[row, column]), i, j))
    return [(i, j) for _, i, j in sorted(found)]


def join_groups(
    groups: Sequence[str], pairs: Sequence[tuple[int, int]], fixed: Set[str]
) -> list[str]:
    """The group of every photograph after the pairs are joined, in their order.

    Two `fixed` groups are on their sides already and stay apart.
    """
    leader = {group: group for group in groups}

    def find(group: str) -> str:
        while leader[group] != group:
            leader[group] = group = leader[leader[group]]
        return group

    for i, j in pairs:
        first, second = sorted(
            (find(groups[i]), find(groups[j])), key=lambda g: (g not in fixed, g)
        )
        if second not in fixed:
            leader[second] = first
    return [find(group) for group in groups]


def _cosines() -> NDArray[np.float64]:
    """The first rows of the discrete cosine transform (FREQUENCIES, SAMPLES)"""
    places = 2 * np.arange(SAMPLES) + 1
    turns: NDArray[np.float64] = np.outer(np.arange(FREQUENCIES), places) * np.pi / (2 * SAMPLES)
    return np.cos(turns)


def _buckets(words: NDArray[np.uint64], bands: int) -> Iterator[NDArray[np.intp]]:
    """Indices of words that agree in a band of their 64 bits, band after band"""
    edges = [round(64 * band / bands) for band in range(bands + 1)]
    for low, high in pairwise(edges):
        keys = (words >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(keys, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
