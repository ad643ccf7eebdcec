"""Soft-encoding of 64 x 64 targets: a table of candidates against a nearest-neighbor search.

The alternatives are scikit-learn's nearest neighbors and a dense distance matrix. The computation
is short, so the ratios depend on the state of the caches; run it more than once.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from benchmarks.stopwatch import measure_medians_ms
from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode

PIXELS = 64 * 64
MIN_SPEEDUPS = {5: {"scikit-learn": 5, "cdist and topk": 14}, 10: {}}
SIGMA = 5.0


def encode_with_scikit_learn(
    ab: NDArray[np.float32], search: NearestNeighbors
) -> NDArray[np.float64]:
    distance, _ = search.kneighbors(ab)
    weight = np.exp(-(distance**2) / (2 * SIGMA**2))
    share: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return share


def encode_with_cdist(ab: Tensor, bins: Tensor, neighbors: int) -> Tensor:
    distance, _ = torch.cdist(ab, bins).topk(neighbors, dim=1, largest=False)
    return (-(distance**2) / (2 * SIGMA**2)).softmax(dim=1)


def list_contestants(neighbors: int) -> dict[str, Callable[[], object]]:
    generator = torch.Generator().manual_seed(0)
    ab = (torch.randn(PIXELS, 2, generator=generator) * 25).clamp(-86, 94)
    bins = bin_centers()
    table = build_lookup_table(bins, neighbors)
    search = NearestNeighbors(n_neighbors=neighbors).fit(bins.numpy())
    return {
        "table (ours)": lambda: soft_encode(ab, table),
        "scikit-learn": lambda: encode_with_scikit_learn(ab.numpy(), search),
        "cdist and topk": lambda: encode_with_cdist(ab, bins, neighbors),
    }


def main() -> None:
    torch.set_num_threads(1)
    for neighbors, bars in MIN_SPEEDUPS.items():
        medians = measure_medians_ms(list_contestants(neighbors), rounds=100)
        ours = medians["table (ours)"]
        print(f"\n{PIXELS} colors, k = {neighbors}, one thread")
        for name, median in medians.items():
            bar = f" (target: {bars[name]} x)" if name in bars else ""
            print(f"{name:<16}{median:8.2f} ms{median / ours:8.1f} x{bar}")


if __name__ == "__main__":
    main()
