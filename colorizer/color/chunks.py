"""Iterate over tensors in chunks of rows that fit into the cache of a CPU core."""

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS_PER_CHUNK = 512  # 640 KB for rows of 313 logits


def iterate_chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield views of the same ROWS_PER_CHUNK rows of each of the tensors (P, ...).

    On an accelerator there is one chunk of all rows, because every kernel launch costs time.
    """
    rows = ROWS_PER_CHUNK if tensors[0].device.type == "cpu" else max(1, len(tensors[0]))
    return zip(*(torch.split(tensor, rows) for tensor in tensors), strict=True)
