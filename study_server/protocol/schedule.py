"""Plan the trials of each participant: pure functions of protocol, stimuli and a random generator.

The design follows Zhang, Isola & Efros (2016): images are drawn without replacement. Unlike there,
sides are balanced instead of drawn by coin flips, the number of attention checks is exact, with one
in each equal stretch of the test, and test images are those with the fewest views so far.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import TypeVar

from study_server.protocol.model import Protocol
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, Answer, Side, TrialKind

T = TypeVar("T")
ImagePools = Mapping[str, Sequence[str]]  # by method, including `real` and `foil`: its images
ViewCounts = Mapping[tuple[str, str], int]  # test trials so far, by image and method


class TooFewImagesError(ValueError):
    """A participant's trials need more different images than there are."""


@dataclass(frozen=True)
class PlannedTrial:
    """A pair of a fake and a photograph, or a single image.

    image, method: source image and method of the fake, or of the single image, whose method may be
    `real`. real_image: source image of the photograph; None for a single image.
    fake_side: side of the fake; None for a single image. first_side: side that is shown first; None
    unless the pair is sequential. exposure_ms: None if images are shown until the answer.
    repeat_of: index in the plan of the trial that this trial repeats.
    """

    kind: TrialKind
    block: int
    image: str
    method: str
    real_image: str | None
    fake_side: Side | None
    first_side: Side | None
    exposure_ms: int | None
    repeat_of: int | None = None

    @property
    def images(self) -> set[str]:
        """The source images of the trial, one or two."""
        return {self.image, self.real_image or self.image}

    @property
    def truth(self) -> Answer:
        """The fake's side, or fake or real for a single image."""
        if self.fake_side is not None:
            return Answer(self.fake_side)
        return Answer.REAL if self.method == REAL_METHOD else Answer.FAKE


def choose_least_filled(methods: Sequence[str], counts: Mapping[str, int], rng: Random) -> str:
    """Return the method with the fewest participants; ties are broken at random."""
    fewest = min(counts.get(method, 0) for method in methods)
    return rng.choice([method for method in methods if counts.get(method, 0) == fewest])


def plan_trials(
    protocol: Protocol, pools: ImagePools, methods: Sequence[str], views: ViewCounts, rng: Random
) -> list[PlannedTrial]:
    """Plan a participant's trials: qualification, practice, then the test with attention checks.

    methods: the participant's methods, one (between) or all (within), in equal shares (±1).
    views: views of the stimuli by all participants who are complete or still active.
    Raises TooFewImagesError.
    """
    sampler = TrialSampler(protocol, pools, methods, rng)
    # Test trials are drawn first, so that they get the least viewed images.
    test = sampler.draw(TrialKind.TEST, protocol.trials, views)
    attention_checks = sampler.draw(TrialKind.ATTENTION, protocol.attention_checks)
    practice = sampler.draw(TrialKind.PRACTICE, protocol.practice)
    before = sampler.draw(TrialKind.QUALIFICATION, protocol.qualification) + practice
    return before + add_repeats(
        intersperse(attention_checks, test, rng), protocol.repeats, len(before), rng
    )


@dataclass
class TrialSampler:
    """Draws the trials of one participant without using an image twice."""

    protocol: Protocol
    pools: ImagePools
    methods: Sequence[str]
    rng: Random
    used_images: set[str] = field(default_factory=set)

    def draw(
        self, kind: TrialKind, count: int, views: ViewCounts | None = None
    ) -> list[PlannedTrial]:
        """Return `count` trials of a kind in random order.

        views: if given, the least viewed images are drawn. Raises TooFewImagesError.
        """
        protocol, rng = self.protocol, self.rng
        methods = choose_methods(protocol, kind, self.methods, count, rng)
        drawn = draw_least_viewed(self.pools, methods, views or {}, self.used_images, rng)
        real_images = self._draw_real_images([image for image, _ in drawn], views or {})
        groups = [method for _, method in drawn]
        sides = (
            [None] * count
            if protocol.is_single
            else draw_balanced_within_groups(list(Side), groups, rng)
        )
        first_sides = draw_balanced_within_groups(possible_first_sides(protocol), groups, rng)
        exposures = draw_balanced_within_groups(protocol.exposures_ms, groups, rng)
        block = block_number(protocol, kind)
        return [
            PlannedTrial(
                kind=kind,
                block=block,
                image=image,
                method=method,
                real_image=real_images[i],
                fake_side=sides[i],
                first_side=first_sides[i],
                exposure_ms=exposures[i],
            )
            for i, (image, method) in enumerate(drawn)
        ]

    def _draw_real_images(self, images: Sequence[str], views: ViewCounts) -> Sequence[str | None]:
        """Return the source image of the photograph for each fake; None for single images."""
        if self.protocol.is_single:
            return [None] * len(images)
        if self.protocol.paired:
            return images
        methods = [REAL_METHOD] * len(images)
        drawn = draw_least_viewed(self.pools, methods, views, self.used_images, self.rng)
        return [image for image, _ in drawn]


def block_number(protocol: Protocol, kind: TrialKind) -> int:
    """Return the 0-based number of the block that contains trials of a kind."""
    after_qualification = 1 if protocol.qualification else 0
    blocks = {TrialKind.QUALIFICATION: 0, TrialKind.PRACTICE: after_qualification}
    return blocks.get(kind, after_qualification + 1)


def choose_methods(
    protocol: Protocol, kind: TrialKind, methods: Sequence[str], count: int, rng: Random
) -> list[str]:
    """Return the methods of `count` trials in random order; half of single images are real."""
    if kind is TrialKind.ATTENTION:
        return [FOIL_METHOD] * count
    if not protocol.is_single:
        return draw_balanced(methods, count, rng)
    halves = draw_balanced([True, False], count, rng)
    fakes = iter(draw_balanced(methods, sum(halves), rng))
    return [next(fakes) if fake else REAL_METHOD for fake in halves]


def possible_first_sides(protocol: Protocol) -> Sequence[Side | None]:
    """Return the sides that may be shown first; [None] unless images are shown sequentially."""
    if protocol.presentation != "sequential":
        return [None]
    return list(Side) if protocol.order == "random" else [Side.LEFT]


def draw_least_viewed(
    pools: ImagePools, methods: Sequence[str], views: ViewCounts, used: set[str], rng: Random
) -> list[tuple[str, str]]:
    """Return an (image, method) for each of the methods in random order, without repeated images.

    Each method takes the image with the fewest views by that method. Among those it prefers the one
    with the most views by the other methods, which need it least. Remaining ties are broken at
    random.
    used: images to skip; the drawn ones are added to it. Raises TooFewImagesError.
    """
    different = sorted(set(methods))
    total = Counter[str]()
    for (image, method), seen in views.items():
        total[image] += seen if method in different else 0
    queues = {
        method: _order_by_need(pools.get(method, ()), method, views, total, rng)
        for method in different
    }
    drawn = [(_next_unused(queues[method], method, used), method) for method in methods]
    rng.shuffle(drawn)
    return drawn


def _order_by_need(
    pool: Sequence[str], method: str, views: ViewCounts, total: Mapping[str, int], rng: Random
) -> Iterator[str]:
    """Return the images of a method, those with the greatest need of views first."""

    def need(image: str) -> tuple[int, int]:
        seen = views.get((image, method), 0)
        return seen, seen - total.get(image, 0)

    return iter(sorted(rng.sample(sorted(pool), len(pool)), key=need))


def _next_unused(queue: Iterator[str], method: str, used: set[str]) -> str:
    """Return the first unused image and add it to `used`. Raises TooFewImagesError."""
    for image in queue:
        if image not in used:
            used.add(image)
            return image
    raise TooFewImagesError(f"too few images: no unused image of {method} is left")


def draw_balanced(values: Sequence[T], count: int, rng: Random) -> list[T]:
    """Return `count` values in random order, each equally often (±1)."""
    order = rng.sample(list(values), len(values))  # which values occur once more is random, too
    drawn = [order[i % len(order)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


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


def add_repeats(
    trials: Sequence[PlannedTrial], count: int, offset: int, rng: Random
) -> list[PlannedTrial]:
    """Repeat `count` test trials of the first half among the last third.

    offset: number of trials in the plan before these.
    """
    tests = [index for index, trial in enumerate(trials) if trial.kind is TrialKind.TEST]
    chosen = sorted(rng.sample(tests[: len(tests) // 2], count))
    repeats = [_repeat_trial(trials[index], offset + index, rng) for index in chosen]
    cut = len(trials) - len(trials) // 3
    return [*trials[:cut], *intersperse(repeats, trials[cut:], rng)]


def _repeat_trial(trial: PlannedTrial, plan_index: int, rng: Random) -> PlannedTrial:
    """Return a trial with the same images, whose sides are drawn again."""
    return replace(trial, fake_side=_redraw_side(trial, rng), repeat_of=plan_index)


def _redraw_side(trial: PlannedTrial, rng: Random) -> Side | None:
    return None if trial.fake_side is None else rng.choice(list(Side))


def plan_replacement(
    protocol: Protocol,
    voided: PlannedTrial,
    pools: ImagePools,
    used: set[str],
    views: ViewCounts,
    rng: Random,
) -> PlannedTrial:
    """Return the trial that replaces a voided one: the same kind and method with unused images.

    If no unused images are left, or if the trial was a repeat, its own images are shown again.
    """
    same_images = replace(voided, fake_side=_redraw_side(voided, rng))
    if voided.repeat_of is not None:
        return same_images
    used = set(used)
    try:
        ((image, _),) = draw_least_viewed(pools, [voided.method], views, used, rng)
        real = voided.real_image
        if real is not None and not protocol.paired:
            ((real, _),) = draw_least_viewed(pools, [REAL_METHOD], views, used, rng)
    except TooFewImagesError:
        return same_images
    return replace(same_images, image=image, real_image=image if real and protocol.paired else real)
