"""Rows of many numbers, taken a few at a time, so that passes over them stay in a core's cache."""

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS_PER_CHUNK = 512  # of 313 logits: 640 KB


def iterate_chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """tensors (P, ...) -> views of the same ROWS_PER_CHUNK of each

    All rows at once on an accelerator, where to start a kernel is what costs.
    """
    rows = ROWS_PER_CHUNK if tensors[0].device.type == "cpu" else max(1, len(tensors[0]))
    return zip(*(torch.split(tensor, rows) for tensor in tensors), strict=True)
