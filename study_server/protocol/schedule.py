"""Plan the trials of each participant: pure functions of protocol, stimuli and a random generator.

The design follows Zhang, Isola & Efros (2016): images are drawn without replacement. Unlike there,
sides are balanced instead of drawn by coin flips, the number of attention checks is exact, with one
in each equal stretch of the test, and test images are those with the fewest views so far.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType

from study_server.protocol.image_draws import (
    ImagePools,
    StimulusKey,
    TooFewImagesError,
    ViewCounts,
    draw_balanced_within_groups,
    draw_least_viewed,
    intersperse,
)
from study_server.protocol.model import Protocol, task_of
from study_server.protocol.staircase import Staircase
from study_server.vocabulary import TrialKind

PairCounts = Mapping[tuple[str, str], int]  # test trials so far, by methods in alphabetical order


@dataclass(frozen=True)
class PlannedTrial:
    """A planned trial.

    candidates: the stimuli to be judged, by slot. appears: when each of them appears, by slot: 0
    for the first, 1 for the second; all 0 unless they are shown one after the other.
    exposure_ms: None if images are shown until the answer, or if a staircase computes the exposure
    from earlier answers. repeat_of: index in the plan of the trial that this trial repeats.
    reference: the stimulus to compare them with.
    """

    kind: TrialKind
    block: int
    candidates: tuple[StimulusKey, ...]
    appears: tuple[int, ...]
    exposure_ms: int | None
    repeat_of: int | None = None
    reference: StimulusKey | None = None

    @property
    def images(self) -> set[str]:
        """The source images of the trial."""
        return {image for image, _ in self.candidates}

    @property
    def methods(self) -> set[str]:
        """The methods of the candidates."""
        return {method for _, method in self.candidates}


def choose_least_filled(methods: Sequence[str], counts: Mapping[str, int], rng: Random) -> str:
    """Return the method with the fewest participants; ties are broken at random."""
    fewest = min(counts.get(method, 0) for method in methods)
    return rng.choice([method for method in methods if counts.get(method, 0) == fewest])


def plan_trials(
    protocol: Protocol,
    pools: ImagePools,
    methods: Sequence[str],
    views: ViewCounts,
    rng: Random,
    pairs: PairCounts = MappingProxyType({}),
) -> list[PlannedTrial]:
    """Plan a participant's trials: qualification, practice, then the test with attention checks.

    methods: the participant's methods, one (between) or all (within), in equal shares (±1).
    views, pairs: the trials of each stimulus and of each pair of methods, of all participants who
    are complete or still active.
    Raises TooFewImagesError.
    """
    sampler = TrialSampler(protocol, pools, methods, rng)
    if protocol.staircase:
        return _plan_staircase(sampler, protocol.staircase, views)
    # Test trials are drawn first, so that they get the least viewed images.
    test = sampler.draw(TrialKind.TEST, protocol.trials, views, pairs)
    attention_checks = sampler.draw(TrialKind.ATTENTION, protocol.attention_checks)
    practice = sampler.draw(TrialKind.PRACTICE, protocol.practice)
    before = sampler.draw(TrialKind.QUALIFICATION, protocol.qualification) + practice
    return before + add_repeats(
        intersperse(attention_checks, test, rng), protocol.repeats, len(before), rng
    )


def _plan_staircase(
    sampler: "TrialSampler", staircase: Staircase, views: ViewCounts
) -> list[PlannedTrial]:
    """Return the qualification and the blocks of a staircase, of which only the start is known.

    Images may appear again in another block, but those that the participant has seen least often
    come first.
    """
    trials = sampler.draw(TrialKind.QUALIFICATION, sampler.protocol.qualification)
    qualified_with = frozenset(sampler.used_images)
    for number in range(staircase.blocks):
        sampler.used_images = set(qualified_with)
        block = sampler.draw(TrialKind.TEST, staircase.trials_per_block, views)
        sampler.earlier_displays.update(sampler.used_images)
        trials += [replace(trial, block=trial.block + number, exposure_ms=None) for trial in block]
    first = sampler.protocol.qualification
    trials[first] = replace(trials[first], exposure_ms=staircase.start_ms)
    return trials


@dataclass
class TrialSampler:
    """Draws the trials of one participant without using an image twice.

    earlier_displays: how often the participant has seen each image in earlier blocks, after which
    it can be used again.
    """

    protocol: Protocol
    pools: ImagePools
    methods: Sequence[str]
    rng: Random
    used_images: set[str] = field(default_factory=set)
    earlier_displays: Counter[str] = field(default_factory=Counter)

    def draw(
        self,
        kind: TrialKind,
        count: int,
        views: ViewCounts | None = None,
        pairs: PairCounts = MappingProxyType({}),
    ) -> list[PlannedTrial]:
        """Return `count` trials of a kind in random order.

        views: if given, the least viewed images are drawn. pairs: the trials so far of each pair of
        methods. Raises TooFewImagesError.
        """
        protocol, rng = self.protocol, self.rng
        choose = task_of(protocol).choose_methods
        method_sets = choose(protocol, kind, self.methods, count, pairs, rng)
        drawn = self._draw_candidates(method_sets, views or {})
        if protocol.is_single:
            drawn = [(one,) for candidates in drawn for one in candidates]
            rng.shuffle(drawn)
        groups = [" ".join(sorted({method for _, method in trial})) for trial in drawn]
        appears = draw_balanced_within_groups(possible_orders(protocol), groups, rng)
        exposures = draw_balanced_within_groups(protocol.exposures_ms, groups, rng)
        block = block_number(protocol, kind)
        return [
            PlannedTrial(
                kind,
                block,
                candidates,
                appears[i],
                exposures[i],
                reference=find_reference(protocol, candidates),
            )
            for i, candidates in enumerate(assign_slots(drawn, groups, rng))
        ]

    def draw_like(
        self, candidates: Sequence[StimulusKey], views: ViewCounts
    ) -> tuple[StimulusKey, ...]:
        """Return unused stimuli of the same methods, by slot. Raises TooFewImagesError."""
        (drawn,) = self._draw_candidates([tuple(method for _, method in candidates)], views)
        return drawn

    def _draw_candidates(
        self, method_sets: Sequence[tuple[str, ...]], views: ViewCounts
    ) -> list[tuple[StimulusKey, ...]]:
        """Return the candidates of each trial, in random order of the trials."""
        used, rng, tested = self.used_images, self.rng, self.methods
        earlier = self.earlier_displays
        if self.protocol.paired:
            return draw_least_viewed(self.pools, method_sets, tested, views, used, rng, earlier)
        columns = []
        for methods in zip(*method_sets, strict=True):
            alone = [(method,) for method in methods]
            columns.append(draw_least_viewed(self.pools, alone, tested, views, used, rng, earlier))
        return [tuple(one for (one,) in trial) for trial in zip(*columns, strict=True)]


def block_number(protocol: Protocol, kind: TrialKind) -> int:
    """Return the 0-based number of the block that contains trials of a kind."""
    after_qualification = 1 if protocol.qualification else 0
    blocks = {TrialKind.QUALIFICATION: 0, TrialKind.PRACTICE: after_qualification}
    return blocks.get(kind, after_qualification + 1)


def possible_orders(protocol: Protocol) -> list[tuple[int, ...]]:
    """Return when the candidate in each slot may appear, in all orders that a trial may have."""
    count = protocol.candidate_count
    if protocol.presentation != "sequential":
        return [(0,) * count]
    in_order = tuple(range(count))
    return [in_order, in_order[::-1]] if protocol.order == "random" else [in_order]


def assign_slots(
    trials: Sequence[tuple[StimulusKey, ...]], groups: Sequence[str], rng: Random
) -> list[tuple[StimulusKey, ...]]:
    """Return the candidates of each trial by slot; each method is equally often in each slot.

    groups: a label for each trial's set of methods.
    """
    if any(len(candidates) > 2 for candidates in trials):
        return _fill_slots(trials, rng)
    shifts = draw_balanced_within_groups(range(len(trials[0])) if trials else [], groups, rng)
    return [
        (*candidates[shift:], *candidates[:shift])
        for candidates, shift in zip(trials, shifts, strict=True)
    ]


def _fill_slots(
    trials: Sequence[tuple[StimulusKey, ...]], rng: Random
) -> list[tuple[StimulusKey, ...]]:
    """Return the candidates by slot: of random orders, the rotation that fills slots evenly."""
    shown, assigned = Counter[tuple[str, int]](), []
    for trial in trials:
        order = rng.sample(trial, len(trial))
        rotations = [(*order[shift:], *order[:shift]) for shift in range(len(order))]
        chosen = min(
            rotations,
            key=lambda keys: sum(shown[key.method, slot] for slot, key in enumerate(keys)),
        )
        shown.update((key.method, slot) for slot, key in enumerate(chosen))
        assigned.append(chosen)
    return assigned


def find_reference(protocol: Protocol, candidates: Sequence[StimulusKey]) -> StimulusKey | None:
    """Return the stimulus that the candidates are compared with, or None."""
    return StimulusKey(candidates[0].image, protocol.reference) if protocol.reference else None


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
    """Return a trial with the same images, whose slots are drawn again."""
    return replace(_redraw_slots(trial, rng), repeat_of=plan_index)


def _redraw_slots(trial: PlannedTrial, rng: Random) -> PlannedTrial:
    return replace(trial, candidates=tuple(rng.sample(trial.candidates, len(trial.candidates))))


def plan_replacement(
    protocol: Protocol,
    voided: PlannedTrial,
    pools: ImagePools,
    used: set[str],
    views: ViewCounts,
    rng: Random,
    shares_images: bool = False,
) -> PlannedTrial:
    """Return the trial that replaces a voided one: the same kind and methods with unused images.

    shares_images: whether another trial must show the same images. In that case, if no unused
    images are left, or if the trial was a repeat, its own images are shown again.
    """
    same_images = _redraw_slots(voided, rng)
    if voided.repeat_of is not None or shares_images:
        return same_images
    sampler = TrialSampler(protocol, pools, protocol.methods, rng, set(used))
    try:
        drawn = sampler.draw_like(same_images.candidates, views)
        return replace(same_images, candidates=drawn, reference=find_reference(protocol, drawn))
    except TooFewImagesError:
        return same_images
