"""Who sees what, in which order: pure functions of protocol, photographs and chance.

After Zhang, Isola & Efros (2016): photographs without replacement; here the sides are balanced, not
flipped, the vigilance trials are an exact number, one in each stretch of the test, and the test
photographs are those that the fewest people were shown so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TypeVar

from study_server.protocol import Protocol
from study_server.words import FOIL, Kind, Side

T = TypeVar("T")
Views = Mapping[tuple[str, str], int]  # test trials so far, by image and method


@dataclass(frozen=True)
class PlannedTrial:
    """One pair: the real photograph `image` and the fake that `method` made of it."""

    kind: Kind
    block: int
    image: str
    method: str
    fake_side: Side


def least_filled(methods: Sequence[str], counts: Mapping[str, int], rng: Random) -> str:
    """The method with the fewest participants; ties fall by chance."""
    fewest = min(counts.get(method, 0) for method in methods)
    return rng.choice([method for method in methods if counts.get(method, 0) == fewest])


def plan_trials(
    protocol: Protocol, images: Sequence[str], methods: Sequence[str], views: Views, rng: Random
) -> list[PlannedTrial]:
    """A participant's trials: the practice block, then the test block with vigilance spread in it.

    images: photographs that have a stimulus for every method; none is used twice.
    methods: what this participant sees, one (between) or all (within), in equal shares (+-1).
    views: of the fakes, by everybody who is complete or still active.
    Raises ValueError with fewer images than `protocol.photographs_needed`.
    """
    if len(images) < protocol.photographs_needed:
        raise ValueError(f"{len(images)} images, {protocol.photographs_needed} are needed")
    test = draw_least_viewed(images, balanced(methods, protocol.trials, rng), views, rng)
    unused = sorted(set(images) - {image for image, _ in test})
    others = [*balanced(methods, protocol.practice, rng), *[FOIL] * protocol.vigilance]
    rest = list(zip(rng.sample(unused, len(others)), others, strict=True))
    practice, vigilance = rest[: protocol.practice], rest[protocol.practice :]
    tested = _sided(Kind.TEST, 1, test, rng)
    checks = _sided(Kind.VIGILANCE, 1, vigilance, rng)
    return _sided(Kind.PRACTICE, 0, practice, rng) + spread(checks, tested, rng)


def draw_least_viewed(
    images: Sequence[str], methods: Sequence[str], views: Views, rng: Random
) -> list[tuple[str, str]]:
    """(image, method) for each of the methods, no image twice, in random order.

    Each takes the image that was seen least with it, and of those the one that was seen most with
    the others, which do not need it then; ties fall by chance.
    """
    left = rng.sample(sorted(images), len(images))
    total = {image: sum(views.get((image, m), 0) for m in set(methods)) for image in left}
    drawn = []
    for method in methods:

        def need(image: str, method: str = method) -> tuple[int, int]:
            seen = views.get((image, method), 0)
            return seen, seen - total[image]

        image = min(left, key=need)
        left.remove(image)
        drawn.append((image, method))
    rng.shuffle(drawn)
    return drawn


def _sided(
    kind: Kind, block: int, pairs: Sequence[tuple[str, str]], rng: Random
) -> list[PlannedTrial]:
    sides = balanced(list(Side), len(pairs), rng)
    return [PlannedTrial(kind, block, *pair, side) for pair, side in zip(pairs, sides, strict=True)]


def balanced(values: Sequence[T], count: int, rng: Random) -> list[T]:
    """`count` values, each as often as the others (+-1), in random order."""
    order = rng.sample(list(values), len(values))  # who gets one more is chance, too
    drawn = [order[i % len(order)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


def spread(few: Sequence[T], many: Sequence[T], rng: Random) -> list[T]:
    """One of `few` at a random place within each of len(few) equal stretches of the whole."""
    total = len(few) + len(many)
    edges = [round(i * total / len(few)) for i in range(len(few) + 1)] if few else []
    places = {rng.randrange(a, b) for a, b in pairwise(edges)}
    rest, rare = iter(many), iter(few)
    return [next(rare) if i in places else next(rest) for i in range(total)]


def replacement(
    voided: PlannedTrial, images: Sequence[str], seen: set[str], views: Views, rng: Random
) -> PlannedTrial:
    """The same kind of trial with a photograph from the reserve, its own when all were seen."""
    reserve = sorted(set(images) - seen) or [voided.image]
    ((image, method),) = draw_least_viewed(reserve, [voided.method], views, rng)
    return PlannedTrial(voided.kind, voided.block, image, method, rng.choice(list(Side)))
