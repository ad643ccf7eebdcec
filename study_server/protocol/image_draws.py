"""Draw the images of trials, and values that are balanced over trials, at random."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from types import MappingProxyType
from typing import NamedTuple, TypeVar

T = TypeVar("T")
ImagePools = Mapping[str, Sequence[str]]  # by method, including `real` and `foil`: its images
ViewCounts = Mapping[tuple[str, str], int]  # test trials so far, by image and method


class TooFewImagesError(ValueError):
    """A participant's trials need more different images than there are."""


class StimulusKey(NamedTuple):
    """The source image and the method of a stimulus."""

    image: str
    method: str


def image_pools(stimuli: Iterable[tuple[str, str]]) -> ImagePools:
    """Return the images of each method, sorted; stimuli: by (image, method)."""
    pools: dict[str, list[str]] = defaultdict(list)
    for image, method in sorted(stimuli):
        pools[method].append(image)
    return pools


def draw_least_viewed(
    pools: ImagePools,
    method_sets: Sequence[tuple[str, ...]],
    tested: Sequence[str],
    views: ViewCounts,
    used: set[str],
    rng: Random,
    earlier_displays: Mapping[str, int] = MappingProxyType({}),
) -> list[tuple[StimulusKey, ...]]:
    """Return a stimulus of each method of each set, in random order, without repeated images.

    The stimuli of a set are made from one source image. A single method takes the image with the
    fewest views by it. Among those it prefers the one with the most views by the other methods,
    which need it least. Several methods take the image with the fewest views by all methods, and
    among those the one with the fewest by themselves. Remaining ties are broken at random. Of the
    methods of a set, only those that are tested count, unless none is.
    used: images to skip; the drawn ones are added to it. earlier_displays: how often the
    participant has seen each image before, which comes before any other need. Raises
    TooFewImagesError.
    """
    counted = {
        methods: tuple(m for m in methods if m in tested) or methods for methods in method_sets
    }
    different = sorted(set(counted.values()))
    compared = {method for methods in different for method in methods}
    total = Counter[str]()
    for (image, method), seen in views.items():
        total[image] += seen if method in compared else 0
    queues = {
        methods: _order_by_need(
            pools.get(methods[0], ()), methods, views, total, rng, earlier_displays
        )
        for methods in different
    }
    drawn = []
    for methods in method_sets:
        image = _next_unused(queues[counted[methods]], methods[0], used)
        drawn.append(tuple(StimulusKey(image, method) for method in methods))
    rng.shuffle(drawn)
    return drawn


def _order_by_need(
    pool: Sequence[str],
    methods: Sequence[str],
    views: ViewCounts,
    total: Mapping[str, int],
    rng: Random,
    earlier_displays: Mapping[str, int],
) -> Iterator[str]:
    """Return the images of these methods, those with the greatest need of views first."""
    shuffled = rng.sample(sorted(pool), len(pool))
    if not views and not earlier_displays:
        return iter(shuffled)

    def need(image: str) -> tuple[int, int, int]:
        before = earlier_displays.get(image, 0)
        if len(methods) == 1:
            seen = views.get((image, methods[0]), 0)
            return before, seen, seen - total.get(image, 0)
        return before, total.get(image, 0), sum(views.get((image, m), 0) for m in methods)

    return iter(sorted(shuffled, key=need))


def _next_unused(queue: Iterator[str], method: str, used: set[str]) -> str:
    """Return the first unused image and add it to `used`. Raises TooFewImagesError."""
    for image in queue:
        if image not in used:
            used.add(image)
            return image
    raise TooFewImagesError(f"too few images: no unused image of {method} is left")


def draw_balanced_within_groups(values: Sequence[T], groups: Sequence[str], rng: Random) -> list[T]:
    """Return one value for each group label, balanced within every group and overall.

    Within each group, and in total, the values' counts differ by at most 1. The order is random.
    """
    order = rng.sample(list(values), len(values))
    rank = {group: rng.random() for group in sorted(set(groups))}
    indices = sorted(range(len(groups)), key=lambda index: (rank[groups[index]], rng.random()))
    value_by_index = {index: order[i % len(order)] for i, index in enumerate(indices)}
    return [value_by_index[index] for index in range(len(groups))]


def intersperse(few: Sequence[T], many: Sequence[T], rng: Random) -> list[T]:
    """Insert one of `few` at a random position of each of len(few) equal stretches of the whole."""
    total = len(few) + len(many)
    edges = [round(i * total / len(few)) for i in range(len(few) + 1)] if few else []
    positions = {rng.randrange(a, b) for a, b in pairwise(edges)}
    rest, rare = iter(many), iter(few)
    return [next(rare) if i in positions else next(rest) for i in range(total)]
