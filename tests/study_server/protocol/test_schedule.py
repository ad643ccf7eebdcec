"""A participant's trials, for any protocol and any chance."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.protocol.image_draws import ImagePools, StimulusKey, TooFewImagesError
from study_server.protocol.image_supply import find_shortage
from study_server.protocol.model import Protocol
from study_server.protocol.schedule import (
    PlannedTrial,
    choose_least_filled,
    plan_replacement,
    plan_trials,
)
from study_server.protocol.study_toml import create_protocol
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, TrialKind

MODELS = ("l2", "mcl", "zhang2016")
IMAGES = [f"i{n}" for n in range(300)]
PAIRED: ImagePools = dict.fromkeys((REAL_METHOD, FOIL_METHOD, *MODELS), IMAGES)
UNPAIRED: ImagePools = {
    m: [f"{m}/{n}" for n in range(200)] for m in (REAL_METHOD, FOIL_METHOD, *MODELS)
}
PRESENTATIONS = ("sequential", "simultaneous", "single")


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    trials = draw(st.integers(6, 60))
    presentation = draw(st.sampled_from(PRESENTATIONS))
    orders = ["left_first", "random"] if presentation == "sequential" else ["left_first"]
    changes = {
        "qualification": draw(st.integers(0, 12)),
        "practice": draw(st.integers(0, 12)),
        "trials": trials,
        "attention_checks": draw(st.integers(0, min(trials, 12))),
        "repeats": draw(st.integers(0, trials // 2)),
        "methods": draw(st.sampled_from([MODELS[:1], MODELS[:2], MODELS])),
        "assignment": draw(st.sampled_from(["between", "within"])),
        "presentation": presentation,
        "order": draw(st.sampled_from(orders)),
        "paired": draw(st.booleans()),
        "exposure_ms": draw(st.sampled_from([500, (500, 1000), (100, 200, 400)])),
    }
    return Protocol.model_validate(create_protocol("s").model_dump() | changes)


def seen_by_one(protocol: Protocol) -> tuple[str, ...]:
    return protocol.methods if protocol.assignment == "within" else protocol.methods[-1:]


def pools_for(protocol: Protocol) -> ImagePools:
    return PAIRED if protocol.paired else UNPAIRED


def plan(protocol: Protocol, seed: int) -> list[PlannedTrial]:
    methods = seen_by_one(protocol)
    return plan_trials(protocol, pools_for(protocol), methods, {}, Random(seed))


def of_kind(trials: list[PlannedTrial], kind: TrialKind) -> list[PlannedTrial]:
    return [trial for trial in trials if trial.kind is kind and trial.repeat_of is None]


def fake_slot(trial: PlannedTrial) -> int:
    """Return the slot of a trial's fake, or of its only image."""
    (slot,) = [n for n, (_, method) in enumerate(trial.candidates) if method != REAL_METHOD] or [0]
    return slot


def spans(counts: Counter[Any], values: Iterable[object], most: int = 1) -> bool:
    """Return whether the counts of all values differ by at most a limit."""
    each = [counts[value] for value in values]
    return max(each) - min(each) <= most


@pytest.mark.slow(0.4)
@given(protocols(), st.integers())
def test_counts_are_exact_and_no_image_comes_twice(protocol: Protocol, seed: int) -> None:
    trials = plan(protocol, seed)
    assert Counter(trial.kind for trial in trials) == +Counter(protocol.planned_trials)
    assert sum(trial.repeat_of is not None for trial in trials) == protocol.repeats
    dealt = [image for t in trials if t.repeat_of is None for image in t.images]
    assert len(set(dealt)) == len(dealt)


@pytest.mark.slow(0.3)
@given(protocols(), st.integers())
def test_every_trial_follows_the_protocol(protocol: Protocol, seed: int) -> None:
    for trial in plan(protocol, seed):
        assert len(trial.candidates) == len(trial.appears) == protocol.candidate_count
        assert (trial.appears == (0, 0)) == (protocol.presentation == "simultaneous")
        assert trial.exposure_ms in protocol.exposures_ms
        if protocol.order == "left_first":
            assert trial.appears in ((0,), (0, 0), (0, 1))
        if not protocol.is_single:
            assert (len(trial.images) == 1) == protocol.paired
            assert REAL_METHOD in trial.methods
        assert trial.methods <= {REAL_METHOD, FOIL_METHOD, *seen_by_one(protocol)}
        assert (FOIL_METHOD in trial.methods) == (trial.kind is TrialKind.ATTENTION)


@given(protocols(), st.integers())
def test_blocks_come_in_order(protocol: Protocol, seed: int) -> None:
    trials = plan(protocol, seed)
    blocks = [trial.block for trial in trials]
    assert blocks == sorted(blocks)
    first = 1 if protocol.qualification else 0
    assert {t.block for t in of_kind(trials, TrialKind.PRACTICE)} <= {first}
    assert {t.block for t in trials if t.kind in (TrialKind.TEST, TrialKind.ATTENTION)} == {
        first + 1
    }


@given(protocols(), st.integers())
def test_sides_methods_exposures_and_order_are_balanced_within_one(
    protocol: Protocol, seed: int
) -> None:
    trials = of_kind(plan(protocol, seed), TrialKind.TEST)
    methods = Counter[object](fake for trial in trials for fake in trial.methods - {REAL_METHOD})
    assert spans(methods, seen_by_one(protocol))
    assert spans(Counter(trial.exposure_ms for trial in trials), protocol.exposures_ms)
    if protocol.is_single:
        assert spans(Counter(REAL_METHOD in trial.methods for trial in trials), (True, False))
    else:
        assert spans(Counter(fake_slot(trial) for trial in trials), (0, 1))
        for method in seen_by_one(protocol):  # or a lean to a side would favor one of them
            own = [fake_slot(trial) for trial in trials if method in trial.methods]
            assert spans(Counter(own), (0, 1))
    if protocol.order == "random":
        assert spans(Counter(trial.appears for trial in trials), ((0, 1), (1, 0)))


@given(protocols(), st.integers())
def test_a_repeat_is_an_earlier_test_trial_a_good_while_later(
    protocol: Protocol, seed: int
) -> None:
    trials = plan(protocol, seed)
    originals = [trial.repeat_of for trial in trials if trial.repeat_of is not None]
    assert len(set(originals)) == len(originals)
    for place, trial in enumerate(trials):
        if trial.repeat_of is not None:
            original = trials[trial.repeat_of]
            assert original.kind is TrialKind.TEST
            assert original.repeat_of is None
            again = replace(trial, candidates=original.candidates, repeat_of=None)
            assert again == original
            assert sorted(trial.candidates) == sorted(original.candidates)
            assert place - trial.repeat_of >= protocol.trials // 6


def test_a_schedule_follows_from_its_seed() -> None:
    protocol = create_protocol("s")
    assert plan(protocol, 7) == plan(protocol, 7)
    assert plan(protocol, 7) != plan(protocol, 8)


@pytest.mark.slow(0.4)
def test_each_side_and_each_place_is_as_likely_as_the_other() -> None:
    protocol = create_protocol("s")
    slots = Counter(fake_slot(plan(protocol, seed)[10]) for seed in range(500))
    assert slots[0] == pytest.approx(250, abs=5 * 11.2)  # 5 binomial SDs


def test_the_least_filled_method_gets_the_next_person() -> None:
    assert choose_least_filled(["l2", "mcl"], {"l2": 3, "mcl": 2}, Random(0)) == "mcl"
    assert {choose_least_filled(["l2", "mcl"], {}, Random(seed)) for seed in range(20)} == {
        "l2",
        "mcl",
    }


MCL, REAL = StimulusKey("i0", "mcl"), StimulusKey("i0", REAL_METHOD)
PAIR = PlannedTrial(TrialKind.TEST, 1, (MCL, REAL), (0, 1), 1000)


def after(
    voided: PlannedTrial, pools: ImagePools, used: set[str], seed: int = 0, **changes: object
) -> PlannedTrial:
    protocol = Protocol.model_validate(create_protocol("s").model_dump() | changes)
    views = {("i1", "mcl"): 3, ("i2", "mcl"): 2, ("i3", "mcl"): 3, ("i2", "l2"): 9}
    return plan_replacement(protocol, voided, pools, used, views, Random(seed))


def test_a_substitute_is_of_the_same_kind_with_a_photograph_that_was_seen_least() -> None:
    pools = {method: ["i0", "i1", "i2", "i3"] for method in ("mcl", REAL_METHOD)}
    for seed in range(9):
        new = after(PAIR, pools, {"i0"}, seed)
        assert sorted(new.candidates) == [("i2", "mcl"), ("i2", REAL_METHOD)]
        assert replace(new, candidates=PAIR.candidates) == PAIR


def test_a_substitute_for_an_unpaired_trial_has_two_new_images() -> None:
    voided = replace(PAIR, candidates=(MCL, StimulusKey("r0", REAL_METHOD)))
    pools = {"mcl": ["i0", "i1"], REAL_METHOD: ["r0", "r1"]}
    new = after(voided, pools, {"i0", "r0"}, paired=False)
    assert sorted(new.candidates) == [("i1", "mcl"), ("r1", REAL_METHOD)]


def test_a_replacement_of_a_single_image_keeps_its_method() -> None:
    photograph = StimulusKey("r0", REAL_METHOD)
    voided = PlannedTrial(TrialKind.TEST, 1, (photograph,), (0,), None)
    pools = {REAL_METHOD: ["r0", "r1"], "mcl": ["i0"]}
    new = after(voided, pools, {"r0"}, paired=False, presentation="single", exposure_ms=0)
    assert new == replace(voided, candidates=(StimulusKey("r1", REAL_METHOD),))


@pytest.mark.parametrize("voided", [PAIR, replace(PAIR, repeat_of=3)])
def test_with_the_reserve_used_up_and_for_a_repeat_the_pair_itself_comes_again(
    voided: PlannedTrial,
) -> None:
    reserve = ["i1"] if voided.repeat_of else []
    pools = {method: ["i0", *reserve] for method in ("mcl", REAL_METHOD)}
    again = after(voided, pools, {"i0"})
    assert sorted(again.candidates) == sorted(PAIR.candidates)
    assert replace(again, candidates=PAIR.candidates) == voided


def test_too_few_images_are_refused() -> None:
    protocol = create_protocol("s")
    pools = dict.fromkeys((REAL_METHOD, FOIL_METHOD, "mcl"), IMAGES[:53])
    with pytest.raises(TooFewImagesError):
        plan_trials(protocol, pools, ("mcl",), {}, Random(0))


@given(protocols(), st.integers(0, 60), st.data())
def test_where_supply_says_enough_every_plan_can_be_made(
    protocol: Protocol, images: int, data: st.DataObject
) -> None:
    pools = {method: pool[:images] for method, pool in pools_for(protocol).items()}
    if protocol.paired and not protocol.is_single:
        assert (find_shortage(protocol, pools) is None) == (images >= protocol.different_trials)
    if find_shortage(protocol, pools) is None:
        method = data.draw(st.sampled_from(protocol.methods))
        methods = protocol.methods if protocol.assignment == "within" else (method,)
        plan_trials(protocol, pools, methods, {}, Random(data.draw(st.integers())))
