"""Foils, the control fakes: a photograph's lightness with the colors of another photograph."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from torch import Tensor, cat

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.reading import FloatPixels
from colorizer.splits.split_file import Photograph

Donor = TypeVar("Donor")


class NoDonorError(UnreadablePhotographError):
    """None of the given donors is a readable color photograph."""


class DonorRing(NamedTuple):
    """A circular order of photographs, in which each gets its colors from the next one."""

    photographs: Sequence[Photograph]
    positions: Mapping[str, int]  # image -> index in photographs


def build_donor_ring(photographs: Iterable[Photograph], seed: int) -> DonorRing:
    """Order the photographs by a hash of the seed and the ID.

    One more photograph therefore changes the donor of only one other.
    """
    ring = sorted(photographs, key=lambda p: hashlib.sha256(f"{seed}/{p.image}".encode()).digest())
    return DonorRing(ring, {photograph.image: place for place, photograph in enumerate(ring)})


def iterate_donors(ring: DonorRing, photograph: Photograph) -> Iterator[Photograph]:
    """Yield the photographs that can lend their colors to this one, best choice first.

    They follow it on the ring, so each photograph is a donor about once. Photographs of the same
    duplicate group are skipped.
    """
    place, count = ring.positions[photograph.image], len(ring.photographs)
    following = (ring.photographs[(place + step) % count] for step in range(1, count))
    return (other for other in following if other.group != photograph.group)


def read_donor_square(
    donors: Iterable[Donor], read_square: Callable[[Donor], FloatPixels]
) -> FloatPixels:
    """Read the square of the first donor that is a readable color photograph.

    Raises NoDonorError if there is none.
    """
    for donor in donors:
        try:
            return read_square(donor)
        except UnreadablePhotographError:
            continue  # this photograph is reported as refused itself
    raise NoDonorError("no other photograph can provide the colors for a foil")


def swap_chroma(lab: Tensor, donor: Tensor) -> Tensor:
    """Combine the L of `lab` with the ab of `donor`; both are Lab (N, 3, H, W)."""
    return cat([lab[:, :1], donor[:, 1:]], dim=1)
