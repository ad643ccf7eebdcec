"""Who sees what, in which order: pure functions of protocol, photographs and chance.

After Zhang, Isola & Efros (2016): photographs without replacement; here the sides are balanced, not
flipped, and the vigilance trials are an exact number, one in each stretch of the test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TypeVar

from study_server.protocol import Protocol
from study_server.words import FOIL, Kind, Side

T = TypeVar("T")


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
    protocol: Protocol, images: Sequence[str], methods: Sequence[str], rng: Random
) -> list[PlannedTrial]:
    """A participant's trials: the practice block, then the test block with vigilance spread in it.

    images: photographs that have a stimulus for every method; none is used twice.
    methods: what this participant sees, one (between) or all (within), in equal shares (+-1).
    Raises ValueError with fewer images than `protocol.photographs_needed`.
    """
    drawn = iter(rng.sample(sorted(images), protocol.photographs_needed))

    def pairs(kind: Kind, block: int, of: Sequence[str]) -> list[PlannedTrial]:
        sides = balanced(list(Side), len(of), rng)
        return [
            PlannedTrial(kind, block, next(drawn), method, side)
            for method, side in zip(of, sides, strict=True)
        ]

    practice = pairs(Kind.PRACTICE, 0, balanced(methods, protocol.practice, rng))
    test = pairs(Kind.TEST, 1, balanced(methods, protocol.trials, rng))
    vigilance = pairs(Kind.VIGILANCE, 1, [FOIL] * protocol.vigilance)
    return practice + spread(vigilance, test, rng)


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
    voided: PlannedTrial, images: Sequence[str], seen: set[str], rng: Random
) -> PlannedTrial:
    """The same kind of trial with a photograph from the reserve, its own when all were seen."""
    reserve = sorted(set(images) - seen) or [voided.image]
    image, side = rng.choice(reserve), rng.choice(list(Side))
    return PlannedTrial(voided.kind, voided.block, image, voided.method, side)
