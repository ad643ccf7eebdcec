"""Who sees what, in which order: pure functions of protocol, stimuli and chance.

After Zhang, Isola & Efros (2016): images without replacement; here the sides are balanced, not
flipped, the attention checks are an exact number, one in each stretch of the test, and the test
images are those that the fewest people were shown so far.
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
ImagePools = Mapping[str, Sequence[str]]  # by method, `real` and `foil` too: the images that it has
ViewCounts = Mapping[tuple[str, str], int]  # test trials so far, by image and method


class TooFewImagesError(ValueError):
    """A participant's trials want more different images than there are."""


@dataclass(frozen=True)
class PlannedTrial:
    """A pair, the fake that `method` made of `image` and a photograph; or one image alone.

    real_image: the photograph's image; None: `image` is shown alone, and `method` may be `real`.
    fake_side: of a pair. first_side: which comes first; None: there is no first. exposure_ms: None:
    until the answer. repeat_of: the place in the plan of the trial that this one shows again.
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
        return {self.image, self.real_image or self.image}

    @property
    def truth(self) -> Answer:
        """Where the fake is, or what the only image is."""
        if self.fake_side is not None:
            return Answer(self.fake_side)
        return Answer.REAL if self.method == REAL_METHOD else Answer.FAKE


def choose_least_filled(methods: Sequence[str], counts: Mapping[str, int], rng: Random) -> str:
    """The method with the fewest participants; ties fall by chance."""
    fewest = min(counts.get(method, 0) for method in methods)
    return rng.choice([method for method in methods if counts.get(method, 0) == fewest])


def plan_trials(
    protocol: Protocol, pools: ImagePools, methods: Sequence[str], views: ViewCounts, rng: Random
) -> list[PlannedTrial]:
    """A participant's trials: qualification, practice, then the test with its spread.

    methods: what this participant sees, one (between) or all (within), in equal shares (+-1).
    views: of the stimuli, by everybody who is complete or still active.
    Raises TooFewImagesError.
    """
    sampler = TrialSampler(protocol, pools, methods, rng)
    # the first choice, for it is what counts
    test = sampler.draw(TrialKind.TEST, protocol.trials, views)
    attention_checks = sampler.draw(TrialKind.ATTENTION, protocol.attention_checks)
    practice = sampler.draw(TrialKind.PRACTICE, protocol.practice)
    before = sampler.draw(TrialKind.QUALIFICATION, protocol.qualification) + practice
    return before + add_repeats(
        intersperse(attention_checks, test, rng), protocol.repeats, len(before), rng
    )


@dataclass
class TrialSampler:
    """What one participant is dealt: no image twice."""

    protocol: Protocol
    pools: ImagePools
    methods: Sequence[str]
    rng: Random
    used_images: set[str] = field(default_factory=set)

    def draw(
        self, kind: TrialKind, count: int, views: ViewCounts | None = None
    ) -> list[PlannedTrial]:
        """So many trials of a kind, in random order; with `views` of what was seen least."""
        protocol, rng = self.protocol, self.rng
        methods = choose_methods(protocol, kind, self.methods, count, rng)
        drawn = draw_least_viewed(self.pools, methods, views or {}, self.used_images, rng)
        real_images = self._draw_real_images([image for image, _ in drawn], views or {})
        trial_methods = [method for _, method in drawn]
        sides = (
            [None] * count
            if protocol.is_single
            else draw_balanced_within_groups(list(Side), trial_methods, rng)
        )
        order = draw_balanced_within_groups(possible_first_sides(protocol), trial_methods, rng)
        exposures = draw_balanced_within_groups(protocol.exposures_ms, trial_methods, rng)
        block = block_number(protocol, kind)
        return [
            PlannedTrial(kind, block, *drawn[i], real_images[i], sides[i], order[i], exposures[i])
            for i in range(count)
        ]

    def _draw_real_images(self, images: Sequence[str], views: ViewCounts) -> Sequence[str | None]:
        """What stands beside each fake."""
        if self.protocol.is_single:
            return [None] * len(images)
        if self.protocol.paired:
            return images
        methods = [REAL_METHOD] * len(images)
        drawn = draw_least_viewed(self.pools, methods, views, self.used_images, self.rng)
        return [image for image, _ in drawn]


def block_number(protocol: Protocol, kind: TrialKind) -> int:
    """0, 1, ... in the order of the blocks"""
    after_qualification = 1 if protocol.qualification else 0
    blocks = {TrialKind.QUALIFICATION: 0, TrialKind.PRACTICE: after_qualification}
    return blocks.get(kind, after_qualification + 1)


def choose_methods(
    protocol: Protocol, kind: TrialKind, methods: Sequence[str], count: int, rng: Random
) -> list[str]:
    """What made the images of so many trials, in random order; half of single ones are real."""
    if kind is TrialKind.ATTENTION:
        return [FOIL_METHOD] * count
    if not protocol.is_single:
        return draw_balanced(methods, count, rng)
    halves = draw_balanced([True, False], count, rng)
    fakes = iter(draw_balanced(methods, sum(halves), rng))
    return [next(fakes) if fake else REAL_METHOD for fake in halves]


def possible_first_sides(protocol: Protocol) -> Sequence[Side | None]:
    """Which sides may come first; None where both are there at once, or there is one image."""
    if protocol.presentation != "sequential":
        return [None]
    return list(Side) if protocol.order == "random" else [Side.LEFT]


def draw_least_viewed(
    pools: ImagePools, methods: Sequence[str], views: ViewCounts, used: set[str], rng: Random
) -> list[tuple[str, str]]:
    """(image, method) for each of the methods, no image twice, in random order.

    Each takes the image that was seen least with it, and of those the one that was seen most with
    the others, which do not need it then; ties fall by chance. used: images that are not drawn;
    those that are join them. Raises TooFewImagesError.
    """
    different = sorted(set(methods))
    total = Counter[str]()
    for (image, method), seen in views.items():
        total[image] += seen if method in different else 0
    lines = {
        method: _order_by_need(pools.get(method, ()), method, views, total, rng)
        for method in different
    }
    drawn = [(_next_unused(lines[method], method, used), method) for method in methods]
    rng.shuffle(drawn)
    return drawn


def _order_by_need(
    pool: Sequence[str], method: str, views: ViewCounts, total: Mapping[str, int], rng: Random
) -> Iterator[str]:
    """The images of a method, those first that are to be drawn first."""

    def need(image: str) -> tuple[int, int]:
        seen = views.get((image, method), 0)
        return seen, seen - total.get(image, 0)

    return iter(sorted(rng.sample(sorted(pool), len(pool)), key=need))


def _next_unused(line: Iterator[str], method: str, used: set[str]) -> str:
    """The first that is not used, which it is from now on. Raises TooFewImagesError."""
    for image in line:
        if image not in used:
            used.add(image)
            return image
    raise TooFewImagesError(f"no unused image of {method} is left")


def draw_balanced(values: Sequence[T], count: int, rng: Random) -> list[T]:
    """`count` values, each as often as the others (+-1), in random order."""
    order = rng.sample(list(values), len(values))  # who gets one more is chance, too
    drawn = [order[i % len(order)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


def draw_balanced_within_groups(values: Sequence[T], groups: Sequence[str], rng: Random) -> list[T]:
    """A value a place, each as often as the others (+-1) in every group and in all, by chance."""
    order = rng.sample(list(values), len(values))
    rank = {group: rng.random() for group in sorted(set(groups))}
    order_of_slots = sorted(
        range(len(groups)), key=lambda place: (rank[groups[place]], rng.random())
    )
    value_by_index = {place: order[i % len(order)] for i, place in enumerate(order_of_slots)}
    return [value_by_index[place] for place in range(len(groups))]


def intersperse(few: Sequence[T], many: Sequence[T], rng: Random) -> list[T]:
    """One of `few` at a random place within each of len(few) equal stretches of the whole."""
    total = len(few) + len(many)
    edges = [round(i * total / len(few)) for i in range(len(few) + 1)] if few else []
    places = {rng.randrange(a, b) for a, b in pairwise(edges)}
    rest, rare = iter(many), iter(few)
    return [next(rare) if i in places else next(rest) for i in range(total)]


def add_repeats(
    trials: Sequence[PlannedTrial], count: int, offset: int, rng: Random
) -> list[PlannedTrial]:
    """Test trials of the first half, shown again among the last third.

    offset: how many trials of the plan come before these.
    """
    tests = [place for place, trial in enumerate(trials) if trial.kind is TrialKind.TEST]
    chosen = sorted(rng.sample(tests[: len(tests) // 2], count))
    repeats = [_repeat_trial(trials[place], offset + place, rng) for place in chosen]
    cut = len(trials) - len(trials) // 3
    return [*trials[:cut], *intersperse(repeats, trials[cut:], rng)]


def _repeat_trial(trial: PlannedTrial, plan_index: int, rng: Random) -> PlannedTrial:
    """The same images, their sides drawn anew."""
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
    """What takes a voided trial's place: of the same kind, with images from the reserve.

    Its own images once more where the reserve is used up, or where it was a repeat.
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
