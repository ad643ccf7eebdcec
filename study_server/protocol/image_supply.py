"""Check whether a study has enough images for every participant, whatever the random draws."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from study_server.protocol.model import Protocol, task_of
from study_server.vocabulary import TrialKind


class Shortage(NamedTuple):
    """A method with fewer images available than a participant may need."""

    method: str
    needed: int
    available: int


def find_shortage(protocol: Protocol, pools: Mapping[str, Sequence[str]]) -> Shortage | None:
    """Return a method with too few images, or None if every participant can be served.

    pools: by method, the images that have a stimulus of it.
    Images are drawn one after the other without replacement, so methods that share images compete
    for them: a method needs as many images as all methods that share images with it need together.
    """
    images = {method: set(pool) for method, pool in pools.items()}
    shared = {method: {method} for method in images}
    for one, other in combinations(images, 2):
        if images[one] & images[other]:
            shared[one].add(other)
            shared[other].add(one)
    for methods in _method_assignments(protocol):
        needed_by_method = count_images_needed(protocol, methods)
        for method, own in needed_by_method.items():
            together = sum(needed_by_method[other] for other in shared.get(method, ()))
            needed = min(max(together, own), _total_images(protocol))
            available = len(images.get(method, ()))
            if available < needed:
                return Shortage(method, needed, available)
    return None


def most_trials_per_block(protocol: Protocol, pools: Mapping[str, Sequence[str]]) -> int:
    """Return the most trials per block of a staircase that these images allow; 0 for none."""
    if protocol.staircase is None:
        return 0
    for trials in range(protocol.staircase.trials_per_block, 0, -1):
        staircase = protocol.staircase.model_copy(update={"trials_per_block": trials})
        if find_shortage(protocol.model_copy(update={"staircase": staircase}), pools) is None:
            return trials
    return 0


def _method_assignments(protocol: Protocol) -> list[tuple[str, ...]]:
    """Return the sets of methods that one participant may be tested on."""
    if protocol.assignment == "within":
        return [protocol.methods]
    return [(method,) for method in protocol.methods]


def count_images_needed(protocol: Protocol, methods: Sequence[str]) -> Counter[str]:
    """Return, by method, the most images that a participant tested on `methods` may need."""
    needed_by_method = Counter[str]()
    for kind, planned in protocol.planned_trials.items():
        count = protocol.trials_per_block if kind is TrialKind.TEST else planned
        needed_by_method.update(task_of(protocol).count_images(protocol, kind, methods, count))
    return +needed_by_method


def _total_images(protocol: Protocol) -> int:
    """Return the number of different images per participant, over all methods."""
    images_per_trial = 1 if protocol.paired else protocol.candidate_count
    return protocol.different_trials * images_per_trial
