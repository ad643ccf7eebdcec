"""Images and balanced values, drawn for any number of people, images and methods."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.protocol.image_draws import draw_least_viewed, intersperse
from study_server.tasks.draws import draw_balanced

IMAGES = [f"i{n}" for n in range(40)]


@given(st.integers(0, 12), st.integers(12, 80), st.integers())
def test_the_rare_are_spread_one_in_each_stretch(few: int, many: int, seed: int) -> None:
    order = intersperse(["v"] * few, ["t"] * many, Random(seed))
    assert (order.count("v"), order.count("t")) == (few, many)
    for k in range(few):
        total = few + many
        stretch = order[round(k * total / few) : round((k + 1) * total / few)]
        assert stretch.count("v") == 1


def views_apart(people: int, images: int, trials: int, methods: int, seed: int) -> int:
    """Return the range of the fakes' view counts after the plans of all participants."""
    rng, views = Random(seed), Counter[tuple[str, str]]()
    names = [f"m{n}" for n in range(methods)]
    pools = dict.fromkeys(names, IMAGES[:images])
    for _ in range(people):
        sets = [(name,) for name in draw_balanced(names, trials, rng)]
        drawn = [one for (one,) in draw_least_viewed(pools, sets, names, views, set(), rng)]
        assert len({image for image, _ in drawn}) == trials
        views.update(drawn)
    counts = [views[image, method] for image in IMAGES[:images] for method in names]
    return max(counts) - min(counts)


@given(st.integers(1, 25), st.integers(6, 40), st.integers(1, 6), st.integers())
def test_views_of_one_methods_fakes_differ_by_one(
    people: int, images: int, trials: int, seed: int
) -> None:
    assert views_apart(people, images, trials, 1, seed) <= 1


@pytest.mark.slow(1)
def test_views_of_several_methods_fakes_differ_by_two_nearly_always() -> None:
    """An image goes to one of the methods only, so a person's last ones may have little choice."""
    chance = Random(0)
    apart = [
        views_apart(
            chance.randint(1, 40), chance.randint(6, 40), chance.randint(1, 6), 2 + n % 2, n
        )
        for n in range(1000)
    ]
    assert sum(difference > 2 for difference in apart) <= 10
