"""Functions that are shared by the tasks that compare candidates on the scale `rank`."""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from random import Random

from study_server.tasks.task import JudgedCandidate, Judgment, SimulatedPerson, TaskSettings
from study_server.tasks.without_truth import find_truth_contradictions
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, TrialKind

RANK = "rank"
PairCounts = Mapping[tuple[str, str], int]


def find_contradictions(settings: TaskSettings, least: int, most: int) -> Iterator[str]:
    """Yield what a comparison of `least` to `most` candidates cannot do with these settings."""
    task, count = settings.task, settings.candidates
    competing = len(settings.methods) + settings.include_real
    if settings.is_single:
        yield f"task = {task!r} shows several images; presentation = 'single' shows one"
    if not least <= count <= most:
        yield f"candidates = {count}: task = {task!r} needs {least} to {most}"
    if count > competing:
        yield (
            f"candidates = {count} exceeds the {competing} methods that compete; lower it, add "
            "methods, or set include_real = true"
        )
    if settings.presentation == "sequential" and count > 2:
        yield (
            f"presentation = 'sequential' shows two images, not candidates = {count}; set it to "
            "'simultaneous'"
        )
    if not settings.paired:
        yield f"paired = false does not work with task = {task!r}; set paired = true"
    if settings.assignment == "between":
        yield f"assignment = 'between' does not work with task = {task!r}; set it to 'within'"
    yield from find_truth_contradictions(settings)
    if settings.scales:
        yield f"scales do not work with task = {task!r}; remove them"


def choose_methods(
    settings: TaskSettings,
    kind: TrialKind,
    methods: Sequence[str],
    count: int,
    pairs: PairCounts,
    rng: Random,
) -> list[tuple[str, ...]]:
    """Return the methods that compete in each trial, in random order.

    Within a participant, all methods are equally often shown, and all pairs of methods as far as
    possible; among these choices, the pairs with the fewest trials so far are taken. An attention
    check shows the foil, the photograph, and other methods.
    """
    size = settings.candidate_count
    if kind is TrialKind.ATTENTION:
        others = _choose_sets(methods, size - 2, count, {}, rng)
        return [(FOIL_METHOD, REAL_METHOD, *chosen) for chosen in others]
    competing = [*methods, *([REAL_METHOD] if settings.include_real else [])]
    return _choose_sets(competing, size, count, pairs, rng)


def _choose_sets(
    methods: Sequence[str], size: int, count: int, pairs: PairCounts, rng: Random
) -> list[tuple[str, ...]]:
    own, own_pairs = Counter[str](), Counter[tuple[str, str]]()
    sets = []
    for _ in range(count):
        chosen: list[str] = []
        while len(chosen) < size:
            rest = [method for method in methods if method not in chosen]
            rng.shuffle(rest)  # which of several equal ones is taken is random
            needs = [(own[m], _pair_need(m, chosen, methods, own_pairs, pairs)) for m in rest]
            chosen.append(rest[needs.index(min(needs))])
        own.update(chosen)
        own_pairs.update(map(_in_order, combinations(chosen, 2)))
        sets.append(tuple(chosen))
    rng.shuffle(sets)
    return sets


def _pair_need(
    method: str,
    chosen: Sequence[str],
    methods: Sequence[str],
    own_pairs: Counter[tuple[str, str]],
    pairs: PairCounts,
) -> tuple[int, int]:
    """Return how often the method has met the chosen ones, or all others for the first choice."""
    others = chosen or [other for other in methods if other != method]
    keys = [_in_order((method, other)) for other in others]
    own = sum(own_pairs[key] for key in keys)
    return own, own + sum(pairs.get(key, 0) for key in keys)


def _in_order(pair: tuple[str, str]) -> tuple[str, str]:
    return (pair[0], pair[1]) if pair[0] < pair[1] else (pair[1], pair[0])


def count_images(
    settings: TaskSettings, kind: TrialKind, methods: Sequence[str], count: int
) -> Mapping[str, int]:
    """Return the source images needed: one for each trial, which has all methods."""
    return {methods[0]: count}


def to_judgments(ranks: Sequence[int]) -> list[Judgment]:
    """Return the judgments for the rank of each slot."""
    return [Judgment(slot, RANK, float(rank)) for slot, rank in enumerate(ranks)]


def passes_attention_check(candidates: Sequence[JudgedCandidate]) -> bool:
    """Return whether the foil was not ranked above the photograph."""
    ranks = {one.method: one.values[RANK] for one in candidates}
    return ranks[FOIL_METHOD] >= ranks[REAL_METHOD]


def draw_utilities(
    candidates: Sequence[tuple[str, str]], person: SimulatedPerson, rng: Random
) -> list[float]:
    """Return the noisy quality of each candidate, by which a simulated person chooses.

    The noise has a Gumbel distribution, so that the best is chosen with probability
    exp(quality) / sum(exp(quality)), as in the models of Luce and of Plackett (Yellott, J. Math.
    Psych. 1977).
    """
    return [person.quality(image, method) + _gumbel(rng) for image, method in candidates]


def _gumbel(rng: Random) -> float:
    return -math.log(rng.expovariate(1) or sys.float_info.min)
