"""A participant's trials, for any protocol and any chance."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.protocol import Protocol, new_protocol
from study_server.schedule import (
    PlannedTrial,
    balanced,
    draw_least_viewed,
    least_filled,
    plan_trials,
    replacement,
    spread,
)
from study_server.words import Kind, Side

IMAGES = [f"i{n}" for n in range(200)]


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    trials = draw(st.integers(3, 60))
    changes = {
        "practice": draw(st.integers(0, 12)),
        "trials": trials,
        "vigilance": draw(st.integers(0, min(trials, 12))),
        "methods": draw(st.sampled_from([("l2",), ("l2", "mcl"), ("l2", "mcl", "zhang2016")])),
        "assignment": "within",
    }
    return Protocol.model_validate(new_protocol("s").model_dump() | changes)


def plan(protocol: Protocol, seed: int) -> list[PlannedTrial]:
    return plan_trials(protocol, IMAGES, protocol.methods, {}, Random(seed))


@given(protocols(), st.integers())
def test_counts_are_exact_and_no_image_comes_twice(protocol: Protocol, seed: int) -> None:
    trials = plan(protocol, seed)
    kinds = Counter(trial.kind for trial in trials)
    assert kinds[Kind.PRACTICE] == protocol.practice
    assert kinds[Kind.TEST] == protocol.trials
    assert kinds[Kind.VIGILANCE] == protocol.vigilance
    assert len({trial.image for trial in trials}) == len(trials)


@given(protocols(), st.integers())
def test_practice_comes_first_in_a_block_of_its_own(protocol: Protocol, seed: int) -> None:
    blocks = [trial.block for trial in plan(protocol, seed)]
    assert blocks == sorted(blocks)
    assert blocks.count(0) == protocol.practice


@given(protocols(), st.integers())
def test_sides_and_methods_are_balanced_within_one(protocol: Protocol, seed: int) -> None:
    trials = [trial for trial in plan(protocol, seed) if trial.kind is Kind.TEST]
    sides = Counter(trial.fake_side for trial in trials)
    methods = Counter(trial.method for trial in trials)
    assert abs(sides[Side.LEFT] - sides[Side.RIGHT]) <= 1
    assert max(methods.values()) - min(methods[m] for m in protocol.methods) <= 1


@given(st.integers(0, 12), st.integers(12, 80), st.integers())
def test_the_rare_are_spread_one_in_each_stretch(few: int, many: int, seed: int) -> None:
    order = spread(["v"] * few, ["t"] * many, Random(seed))
    assert (order.count("v"), order.count("t")) == (few, many)
    for k in range(few):
        total = few + many
        stretch = order[round(k * total / few) : round((k + 1) * total / few)]
        assert stretch.count("v") == 1


def test_a_schedule_follows_from_its_seed() -> None:
    protocol = new_protocol("s")
    assert plan(protocol, 7) == plan(protocol, 7)
    assert plan(protocol, 7) != plan(protocol, 8)


def test_each_side_and_each_place_is_as_likely_as_the_other() -> None:
    protocol = new_protocol("s")
    first_sides = Counter(plan(protocol, seed)[10].fake_side for seed in range(500))
    assert first_sides[Side.LEFT] == pytest.approx(250, abs=5 * 11.2)  # 5 binomial SDs


def test_the_least_filled_method_gets_the_next_person() -> None:
    assert least_filled(["l2", "mcl"], {"l2": 3, "mcl": 2}, Random(0)) == "mcl"
    assert {least_filled(["l2", "mcl"], {}, Random(seed)) for seed in range(20)} == {"l2", "mcl"}


def test_a_replacement_is_of_the_same_kind_with_a_photograph_not_seen() -> None:
    voided = PlannedTrial(Kind.TEST, 1, "i0", "mcl", Side.LEFT)
    new = replacement(voided, ["i0", "i1", "i2"], {"i0", "i1"}, {}, Random(0))
    assert (new.kind, new.block, new.image, new.method) == (Kind.TEST, 1, "i2", "mcl")


def test_with_the_reserve_used_up_the_pair_itself_comes_again() -> None:
    voided = PlannedTrial(Kind.TEST, 1, "i0", "mcl", Side.LEFT)
    assert replacement(voided, ["i0", "i1"], {"i0", "i1"}, {}, Random(0)).image == "i0"


def test_a_replacement_is_the_photograph_that_was_seen_least() -> None:
    voided = PlannedTrial(Kind.TEST, 1, "i0", "mcl", Side.LEFT)
    views = {("i1", "mcl"): 3, ("i2", "mcl"): 2, ("i3", "mcl"): 3, ("i2", "l2"): 9}
    images = ["i0", "i1", "i2", "i3"]
    assert {replacement(voided, images, {"i0"}, views, Random(s)).image for s in range(9)} == {"i2"}


@given(
    people=st.integers(1, 25),
    images=st.integers(6, 40),
    trials=st.integers(1, 6),
    methods=st.integers(1, 3),
    seed=st.integers(),
)
def test_views_of_the_fakes_differ_by_one_and_by_two_where_people_see_all_methods(
    people: int, images: int, trials: int, methods: int, seed: int
) -> None:
    rng, views = Random(seed), Counter[tuple[str, str]]()
    names = [f"m{n}" for n in range(methods)]
    for _ in range(people):
        drawn = draw_least_viewed(IMAGES[:images], balanced(names, trials, rng), views, rng)
        assert len({image for image, _ in drawn}) == trials
        views.update(drawn)
    counts = [views[image, method] for image in IMAGES[:images] for method in names]
    assert max(counts) - min(counts) <= (1 if methods == 1 else 2)


def test_too_few_images_are_refused() -> None:
    protocol = new_protocol("s")
    with pytest.raises(ValueError, match="53 images, 54 are needed"):
        plan_trials(protocol, IMAGES[:53], ("mcl",), {}, Random(0))
