"""Control fakes: a photograph's lightness under another photograph's colors."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, cat

from colorizer.photos.reading import Pixels, UnreadablePhotographError, read_color_square
from colorizer.photos.splits import Photograph


class Ring(NamedTuple):
    """Photographs in the order in which each borrows from the next."""

    photographs: Sequence[Photograph]
    places: Mapping[str, int]  # by image


def form_ring(photographs: Iterable[Photograph], seed: int) -> Ring:
    """In an order drawn from the seed and the ids: a photograph more moves one donor only."""
    ring = sorted(photographs, key=lambda p: hashlib.sha256(f"{seed}/{p.image}".encode()).digest())
    return Ring(ring, {photograph.image: place for place, photograph in enumerate(ring)})


def donors(ring: Ring, photograph: Photograph) -> Iterator[Photograph]:
    """Whose colors a photograph borrows, best choice first: the next on the ring.

    So everyone gives about once; nobody gives to a photograph of the own group.
    """
    place, count = ring.places[photograph.image], len(ring.photographs)
    following = (ring.photographs[(place + step) % count] for step in range(1, count))
    return (other for other in following if other.group != photograph.group)


def borrow(ring: Ring, photograph: Photograph, size: int) -> Pixels:
    """The square of the first donor that has colors.

    Raises UnreadablePhotographError without one.
    """
    for donor in donors(ring, photograph):
        try:
            return read_color_square(donor.path, size)
        except UnreadablePhotographError:
            continue  # it is refused under its own name
    raise UnreadablePhotographError("no other photograph can lend a foil its colors")


def recolor(lab: Tensor, donor: Tensor) -> Tensor:
    """Lab (N, 3, H, W) twice -> the first's L with the second's ab"""
    return cat([lab[:, :1], donor[:, 1:]], dim=1)
