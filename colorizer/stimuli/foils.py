"""Control fakes: a photograph's lightness under another photograph's colors."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, cat

from colorizer.photos.reading import Pixels, UnreadablePhotographError, read_color_square
from colorizer.photos.splits import Photograph


class DonorRing(NamedTuple):
    """Photographs in the order in which each borrows from the next."""

    photographs: Sequence[Photograph]
    positions: Mapping[str, int]  # by image


def build_donor_ring(photographs: Iterable[Photograph], seed: int) -> DonorRing:
    """In an order drawn from the seed and the ids: a photograph more moves one donor only."""
    ring = sorted(photographs, key=lambda p: hashlib.sha256(f"{seed}/{p.image}".encode()).digest())
    return DonorRing(ring, {photograph.image: place for place, photograph in enumerate(ring)})


def iterate_donors(ring: DonorRing, photograph: Photograph) -> Iterator[Photograph]:
    """Whose colors a photograph borrows, best choice first: the next on the ring.

    So everyone gives about once; nobody gives to a photograph of the own group.
    """
    place, count = ring.positions[photograph.image], len(ring.photographs)
    following = (ring.photographs[(place + step) % count] for step in range(1, count))
    return (other for other in following if other.group != photograph.group)


def read_donor_square(donor_ring: DonorRing, photograph: Photograph, size: int) -> Pixels:
    """The square of the first donor that has colors.

    Raises UnreadablePhotographError without one.
    """
    for donor in iterate_donors(donor_ring, photograph):
        try:
            return read_color_square(donor.path, size)
        except UnreadablePhotographError:
            continue  # it is refused under its own name
    raise UnreadablePhotographError("no other photograph can lend a foil its colors")


def swap_chroma(lab: Tensor, donor: Tensor) -> Tensor:
    """Lab (N, 3, H, W) twice -> the first's L with the second's ab"""
    return cat([lab[:, :1], donor[:, 1:]], dim=1)
