"""Whether there are images enough for every participant, whatever chance deals them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from study_server.protocol.model import Protocol
from study_server.vocabulary import FOIL, REAL, Kind


class Shortage(NamedTuple):
    """More images by one method may be wanted than there are."""

    method: str
    needed: int
    there: int


def find_shortage(protocol: Protocol, pools: Mapping[str, Sequence[str]]) -> Shortage | None:
    """pools: by method, the images that have a stimulus of it; None: everybody can be served.

    Images are dealt one after the other, so a method may find those gone that it shares with
    others: it needs as many as all that share with it want together.
    """
    images = {method: set(pool) for method, pool in pools.items()}
    shared = {method: {method} for method in images}
    for one, other in combinations(images, 2):
        if images[one] & images[other]:
            shared[one].add(other)
            shared[other].add(one)
    for methods in _assignments(protocol):
        wanted = count_wanted(protocol, methods)
        for method in wanted:
            together = sum(wanted[other] for other in shared.get(method, ()))
            needed = min(max(together, wanted[method]), _total(protocol))
            if len(images.get(method, ())) < needed:
                return Shortage(method, needed, len(images.get(method, ())))
    return None


def _assignments(protocol: Protocol) -> list[tuple[str, ...]]:
    """What one participant may be tested on."""
    if protocol.assignment == "within":
        return [protocol.methods]
    return [(method,) for method in protocol.methods]


def count_wanted(protocol: Protocol, methods: Sequence[str]) -> Counter[str]:
    """The most images by each method that a participant tested on `methods` can be dealt."""
    wanted = Counter[str]()
    for kind, planned in protocol.planned.items():
        count = planned - (protocol.repeats if kind is Kind.TEST else 0)
        if kind is Kind.ATTENTION:
            wanted[FOIL] += count
        else:
            fakes = _up(count, 2) if protocol.single else count
            wanted.update({method: _up(fakes, len(methods)) for method in methods})
        if protocol.single and kind is not Kind.ATTENTION:
            wanted[REAL] += _up(count, 2)
        elif not (protocol.single or protocol.paired):
            wanted[REAL] += count
    return +wanted


def _total(protocol: Protocol) -> int:
    """Different images a participant, whatever made them."""
    beside = 1 if protocol.single or protocol.paired else 2
    return protocol.photographs_needed * beside


def _up(count: int, parts: int) -> int:
    return -(-count // parts)
