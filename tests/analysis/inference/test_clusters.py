"""Clustered variances: against sums written out, and under relabelling."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.inference.clusters import (
    clustered_variance,
    find_extreme_leave_one_out,
    intersection_variance,
    multiway_variance,
)
from analysis.trials import Codes, count_clusters

CODES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.booleans()), min_size=8)


def test_one_way_variance_is_the_sum_of_squared_cluster_sums() -> None:
    influence = np.array([0.3, -0.1, -0.4, 0.2])
    codes = np.array([0, 0, 7, 7])
    by_hand = 2 / 1 * ((0.3 - 0.1) ** 2 + (-0.4 + 0.2) ** 2)
    assert clustered_variance(influence, codes) == pytest.approx(by_hand)


@pytest.mark.parametrize("image", [[0, 1, 0, 2, 2], [0, 1, 0, 0, 2]])
def test_cells_are_the_distinct_pairs_seen_once_or_more(image: list[int]) -> None:
    influence, participant = np.array([0.3, -0.1, -0.4, 0.1, 0.1]), np.array([0, 0, 1, 1, 1])
    pairs = np.array([0, 1, 2, 3, 3]) if image[3] == 2 else np.array([0, 1, 2, 2, 3])
    by_pairs = clustered_variance(influence, pairs)
    assert intersection_variance(influence, participant, np.array(image)) == pytest.approx(by_pairs)


def test_cells_without_repeats_are_the_trials() -> None:
    influence, participant, image = np.array([0.3, -0.1, -0.2]), np.array([0, 0, 1]), np.arange(3)
    expected = 3 / 2 * (0.09 + 0.01 + 0.04)
    assert intersection_variance(influence, participant, image) == pytest.approx(expected)


@pytest.mark.slow(0.5)
@given(CODES, st.permutations(range(5)), st.permutations(range(6)))
def test_relabelling_people_or_images_changes_nothing(
    trials: list[tuple[int, int, bool]], people: list[int], images: list[int]
) -> None:
    participant, image, fooled = (
        np.array(part, dtype=np.int64) for part in zip(*trials, strict=True)
    )
    assume(min(count_clusters(participant), count_clusters(image)) > 1)
    influence = (fooled - fooled.mean()) / len(fooled)
    known = multiway_variance(influence, (participant, image))
    relabelled = np.array(people)[participant], np.array(images)[image]
    assert multiway_variance(influence, relabelled) == pytest.approx(known, abs=1e-12)


@given(CODES)
def test_trials_written_twice_tell_nothing_more(trials: list[tuple[int, int, bool]]) -> None:
    participant, image, fooled = (
        np.array(part, dtype=np.int64) for part in zip(*trials, strict=True)
    )
    assume(min(count_clusters(participant), count_clusters(image)) > 1)
    influence = (fooled - fooled.mean()) / len(fooled)
    twice = multiway_variance(
        np.tile(influence, 2) / 2, (np.tile(participant, 2), np.tile(image, 2))
    )
    assert twice == pytest.approx(multiway_variance(influence, (participant, image)), abs=1e-12)


@pytest.mark.slow(0.3)
@given(CODES)
def test_as_many_other_people_and_images_halve_the_variance(
    trials: list[tuple[int, int, bool]],
) -> None:
    participant, image, fooled = (
        np.array(part, dtype=np.int64) for part in zip(*trials, strict=True)
    )
    people, images = count_clusters(participant), count_clusters(image)
    cells = count_clusters(participant * 6 + image)
    assume(min(people, images) > 1)
    influence = (fooled - fooled.mean()) / len(fooled)
    double = multiway_variance(
        np.tile(influence, 2) / 2,
        (np.append(participant, participant + 5), np.append(image, image + 6)),
    )

    def corrected(codes: Codes, clusters: int) -> float:
        """Its part of the variance, with the doubled number's G / (G - 1)."""
        few, many = clusters / (clusters - 1), 2 * clusters / (2 * clusters - 1)
        return clustered_variance(influence, codes) * many / few

    expected = (
        corrected(participant, people) + corrected(image, images)
        - corrected(participant * 6 + image, cells)
    ) / 2  # fmt: skip
    assert double == pytest.approx(expected, abs=1e-12)


def test_three_factors_are_added_and_their_pairs_taken_off() -> None:
    rng = np.random.default_rng(0)
    influence = rng.normal(0, 1, 40)
    a, b, c = (rng.integers(0, levels, 40) for levels in (4, 5, 6))
    pairs = sum(intersection_variance(influence, *two) for two in ((a, b), (a, c), (b, c)))
    alone = sum(clustered_variance(influence, one) for one in (a, b, c))
    expected = alone - pairs + intersection_variance(influence, a, b, c)
    assert multiway_variance(influence, (a, b, c)) == pytest.approx(expected)


NAMES = ["ann", "ben", "cid", "dot"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1))
def test_the_range_is_that_of_leaving_each_out_in_turn(answers: list[tuple[int, bool]]) -> None:
    codes, fooled = np.array([code for code, _ in answers]), np.array([y for _, y in answers])
    found = find_extreme_leave_one_out(fooled, codes, NAMES)
    present = np.unique(codes)
    if found is None:
        assert len(present) == 1
        return
    rates = {NAMES[code]: fooled[codes != code].mean() for code in present}
    assert (found.low, found.high) == pytest.approx((min(rates.values()), max(rates.values())))
    assert rates[found.low_without] == pytest.approx(found.low)
    assert rates[found.high_without] == pytest.approx(found.high)


def test_the_one_who_was_always_fooled_raises_the_rate() -> None:
    codes = np.repeat([0, 1, 2], 4)
    found = find_extreme_leave_one_out(
        np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool), codes, NAMES
    )
    assert found is not None
    assert (found.low, found.low_without) == (1 / 8, "ben")
    assert (found.high, found.high_without) == (5 / 8, "cid")
