"""Control fakes: a photograph's lightness under another photograph's colors."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from colorizer.splits import Photograph


def form_ring(photographs: Iterable[Photograph], seed: int) -> list[Photograph]:
    """In an order drawn from the seed and the ids: a photograph more moves one donor only."""
    return sorted(photographs, key=lambda p: hashlib.sha256(f"{seed}/{p.image}".encode()).digest())


def donors(ring: Sequence[Photograph], photograph: Photograph) -> Iterator[Photograph]:
    """Whose colors a photograph borrows, best choice first: the next on the ring.

    So everyone gives about once; nobody gives to a photograph of the own group.
    """
    place = ring.index(photograph)
    following = (*ring[place + 1 :], *ring[:place])
    return (other for other in following if other.group != photograph.group)


def recolor(lab: Tensor, donor: Tensor) -> Tensor:
    """Lab (N, 3, H, W) twice -> the first's L with the second's ab"""
    return torch.cat([lab[:, :1], donor[:, 1:]], dim=1)
