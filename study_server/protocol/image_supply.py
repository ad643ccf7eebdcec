"""Whether there are images enough for every participant, whatever chance deals them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from study_server.protocol.model import Protocol
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, TrialKind


class Shortage(NamedTuple):
    """More images by one method may be wanted than there are."""

    method: str
    needed: int
    available: int


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
    for methods in _method_assignments(protocol):
        needed_by_method = count_images_needed(protocol, methods)
        for method in needed_by_method:
            together = sum(needed_by_method[other] for other in shared.get(method, ()))
            needed = min(max(together, needed_by_method[method]), _total_images(protocol))
            if len(images.get(method, ())) < needed:
                return Shortage(method, needed, len(images.get(method, ())))
    return None


def _method_assignments(protocol: Protocol) -> list[tuple[str, ...]]:
    """What one participant may be tested on."""
    if protocol.assignment == "within":
        return [protocol.methods]
    return [(method,) for method in protocol.methods]


def count_images_needed(protocol: Protocol, methods: Sequence[str]) -> Counter[str]:
    """The most images by each method that a participant tested on `methods` can be dealt."""
    needed_by_method = Counter[str]()
    for kind, planned in protocol.planned_trials.items():
        count = planned - (protocol.repeats if kind is TrialKind.TEST else 0)
        if kind is TrialKind.ATTENTION:
            needed_by_method[FOIL_METHOD] += count
        else:
            fakes = _divide_rounding_up(count, 2) if protocol.is_single else count
            needed_by_method.update(
                {method: _divide_rounding_up(fakes, len(methods)) for method in methods}
            )
        if protocol.is_single and kind is not TrialKind.ATTENTION:
            needed_by_method[REAL_METHOD] += _divide_rounding_up(count, 2)
        elif not (protocol.is_single or protocol.paired):
            needed_by_method[REAL_METHOD] += count
    return +needed_by_method


def _total_images(protocol: Protocol) -> int:
    """Different images a participant, whatever made them."""
    images_per_trial = 1 if protocol.is_single or protocol.paired else 2
    return protocol.different_trials * images_per_trial


def _divide_rounding_up(count: int, parts: int) -> int:
    return -(-count // parts)
