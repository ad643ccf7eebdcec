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
from study_server.vocabulary import FOIL, REAL, Choice, Kind, Side

T = TypeVar("T")
Pools = Mapping[str, Sequence[str]]  # by method, `real` and `foil` too: the images that it has
Views = Mapping[tuple[str, str], int]  # test trials so far, by image and method


class TooFewImages(ValueError):
    """A participant's trials want more different images than there are."""


@dataclass(frozen=True)
class PlannedTrial:
    """A pair, the fake that `method` made of `image` and a photograph; or one image alone.

    real_image: the photograph's image; None: `image` is shown alone, and `method` may be `real`.
    fake_side: of a pair. first_side: which comes first; None: there is no first. exposure_ms: None:
    until the answer. repeat_of: the place in the plan of the trial that this one shows again.
    """

    kind: Kind
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
    def truth(self) -> Choice:
        """Where the fake is, or what the only image is."""
        if self.fake_side is not None:
            return Choice(self.fake_side)
        return Choice.REAL if self.method == REAL else Choice.FAKE


def least_filled(methods: Sequence[str], counts: Mapping[str, int], rng: Random) -> str:
    """The method with the fewest participants; ties fall by chance."""
    fewest = min(counts.get(method, 0) for method in methods)
    return rng.choice([method for method in methods if counts.get(method, 0) == fewest])


def plan_trials(
    protocol: Protocol, pools: Pools, methods: Sequence[str], views: Views, rng: Random
) -> list[PlannedTrial]:
    """A participant's trials: qualification, practice, then the test with its spread.

    methods: what this participant sees, one (between) or all (within), in equal shares (+-1).
    views: of the stimuli, by everybody who is complete or still active.
    Raises TooFewImages.
    """
    hand = Hand(protocol, pools, methods, rng)
    test = hand.draw(Kind.TEST, protocol.trials, views)  # the first choice, for it is what counts
    attention_checks = hand.draw(Kind.ATTENTION, protocol.attention_checks)
    practice = hand.draw(Kind.PRACTICE, protocol.practice)
    before = hand.draw(Kind.QUALIFICATION, protocol.qualification) + practice
    return before + add_repeats(
        spread(attention_checks, test, rng), protocol.repeats, len(before), rng
    )


@dataclass
class Hand:
    """What one participant is dealt: no image twice."""

    protocol: Protocol
    pools: Pools
    methods: Sequence[str]
    rng: Random
    used: set[str] = field(default_factory=set)

    def draw(self, kind: Kind, count: int, views: Views | None = None) -> list[PlannedTrial]:
        """So many trials of a kind, in random order; with `views` of what was seen least."""
        protocol, rng = self.protocol, self.rng
        methods = choose_methods(protocol, kind, self.methods, count, rng)
        shown = draw_least_viewed(self.pools, methods, views or {}, self.used, rng)
        beside = self._photographs([image for image, _ in shown], views or {})
        made_by = [method for _, method in shown]
        sides = [None] * count if protocol.single else dealt(list(Side), made_by, rng)
        order = dealt(orders(protocol), made_by, rng)
        exposures = dealt(protocol.exposures_ms, made_by, rng)
        block = find_block(protocol, kind)
        return [
            PlannedTrial(kind, block, *shown[i], beside[i], sides[i], order[i], exposures[i])
            for i in range(count)
        ]

    def _photographs(self, images: Sequence[str], views: Views) -> Sequence[str | None]:
        """What stands beside each fake."""
        if self.protocol.single:
            return [None] * len(images)
        if self.protocol.paired:
            return images
        methods = [REAL] * len(images)
        drawn = draw_least_viewed(self.pools, methods, views, self.used, self.rng)
        return [image for image, _ in drawn]


def find_block(protocol: Protocol, kind: Kind) -> int:
    """0, 1, ... in the order of the blocks"""
    after_qualification = 1 if protocol.qualification else 0
    blocks = {Kind.QUALIFICATION: 0, Kind.PRACTICE: after_qualification}
    return blocks.get(kind, after_qualification + 1)


def choose_methods(
    protocol: Protocol, kind: Kind, methods: Sequence[str], count: int, rng: Random
) -> list[str]:
    """What made the images of so many trials, in random order; half of single ones are real."""
    if kind is Kind.ATTENTION:
        return [FOIL] * count
    if not protocol.single:
        return balanced(methods, count, rng)
    halves = balanced([True, False], count, rng)
    fakes = iter(balanced(methods, sum(halves), rng))
    return [next(fakes) if fake else REAL for fake in halves]


def orders(protocol: Protocol) -> Sequence[Side | None]:
    """Which sides may come first; None where both are there at once, or there is one image."""
    if protocol.presentation != "sequential":
        return [None]
    return list(Side) if protocol.order == "random" else [Side.LEFT]


def draw_least_viewed(
    pools: Pools, methods: Sequence[str], views: Views, used: set[str], rng: Random
) -> list[tuple[str, str]]:
    """(image, method) for each of the methods, no image twice, in random order.

    Each takes the image that was seen least with it, and of those the one that was seen most with
    the others, which do not need it then; ties fall by chance. used: images that are not drawn;
    those that are join them. Raises TooFewImages.
    """
    different = sorted(set(methods))
    total = Counter[str]()
    for (image, method), seen in views.items():
        total[image] += seen if method in different else 0
    lines = {
        method: _line_up(pools.get(method, ()), method, views, total, rng) for method in different
    }
    drawn = [(_next_unused(lines[method], method, used), method) for method in methods]
    rng.shuffle(drawn)
    return drawn


def _line_up(
    pool: Sequence[str], method: str, views: Views, total: Mapping[str, int], rng: Random
) -> Iterator[str]:
    """The images of a method, those first that are to be drawn first."""

    def need(image: str) -> tuple[int, int]:
        seen = views.get((image, method), 0)
        return seen, seen - total.get(image, 0)

    return iter(sorted(rng.sample(sorted(pool), len(pool)), key=need))


def _next_unused(line: Iterator[str], method: str, used: set[str]) -> str:
    """The first that is not used, which it is from now on. Raises TooFewImages."""
    for image in line:
        if image not in used:
            used.add(image)
            return image
    raise TooFewImages(f"no unused image of {method} is left")


def balanced(values: Sequence[T], count: int, rng: Random) -> list[T]:
    """`count` values, each as often as the others (+-1), in random order."""
    order = rng.sample(list(values), len(values))  # who gets one more is chance, too
    drawn = [order[i % len(order)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


def dealt(values: Sequence[T], groups: Sequence[str], rng: Random) -> list[T]:
    """A value a place, each as often as the others (+-1) in every group and in all, by chance."""
    order = rng.sample(list(values), len(values))
    rank = {group: rng.random() for group in sorted(set(groups))}
    places = sorted(range(len(groups)), key=lambda place: (rank[groups[place]], rng.random()))
    turn = {place: order[i % len(order)] for i, place in enumerate(places)}
    return [turn[place] for place in range(len(groups))]


def spread(few: Sequence[T], many: Sequence[T], rng: Random) -> list[T]:
    """One of `few` at a random place within each of len(few) equal stretches of the whole."""
    total = len(few) + len(many)
    edges = [round(i * total / len(few)) for i in range(len(few) + 1)] if few else []
    places = {rng.randrange(a, b) for a, b in pairwise(edges)}
    rest, rare = iter(many), iter(few)
    return [next(rare) if i in places else next(rest) for i in range(total)]


def add_repeats(
    trials: Sequence[PlannedTrial], count: int, before: int, rng: Random
) -> list[PlannedTrial]:
    """Test trials of the first half, shown again among the last third.

    before: how many trials of the plan come before these.
    """
    tests = [place for place, trial in enumerate(trials) if trial.kind is Kind.TEST]
    chosen = sorted(rng.sample(tests[: len(tests) // 2], count))
    again = [_again(trials[place], before + place, rng) for place in chosen]
    cut = len(trials) - len(trials) // 3
    return [*trials[:cut], *spread(again, trials[cut:], rng)]


def _again(trial: PlannedTrial, place: int, rng: Random) -> PlannedTrial:
    """The same images, their sides drawn anew."""
    return replace(trial, fake_side=_other_side(trial, rng), repeat_of=place)


def _other_side(trial: PlannedTrial, rng: Random) -> Side | None:
    return None if trial.fake_side is None else rng.choice(list(Side))


def substitute(
    protocol: Protocol,
    voided: PlannedTrial,
    pools: Pools,
    used: set[str],
    views: Views,
    rng: Random,
) -> PlannedTrial:
    """What takes a voided trial's place: of the same kind, with images from the reserve.

    Its own images once more where the reserve is used up, or where it was a repeat.
    """
    again = replace(voided, fake_side=_other_side(voided, rng))
    if voided.repeat_of is not None:
        return again
    used = set(used)
    try:
        ((image, _),) = draw_least_viewed(pools, [voided.method], views, used, rng)
        real = voided.real_image
        if real is not None and not protocol.paired:
            ((real, _),) = draw_least_viewed(pools, [REAL], views, used, rng)
    except TooFewImages:
        return again
    return replace(again, image=image, real_image=image if real and protocol.paired else real)
