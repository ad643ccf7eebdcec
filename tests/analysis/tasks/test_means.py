"""Means of judgments, against sums written out by hand."""

from math import sqrt

import numpy as np
import pytest

from analysis.inference.intervals import t_quantile
from analysis.tasks.means import compare_means, estimate_mean

VALUES = np.array([1.0, 2.0, 4.0, 5.0, 3.0, 3.0])
PEOPLE, IMAGES = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])


def test_the_standard_error_is_clustered_by_people_and_images() -> None:
    """One-way by person: sums of deviations -3, 3, 0; by image -1, 1; every cell has one value."""
    estimate = estimate_mean(VALUES, PEOPLE, IMAGES)
    people = 3 / 2 * (9 + 9 + 0) / 36
    images = 2 / 1 * (1 + 1) / 36
    cells = 6 / 5 * (4 + 1 + 1 + 4) / 36
    assert people > people + images - cells  # the floor applies
    assert estimate.value == 3
    assert estimate.se == pytest.approx(sqrt(people))
    assert estimate.df == 1  # two images
    half = t_quantile(1) * sqrt(people)
    assert estimate.ci95 == pytest.approx((3 - half, 3 + half))
    half = t_quantile(2) * sqrt(people)
    assert estimate.ci95_fixed_images == pytest.approx((3 - half, 3 + half))
    assert estimate.flags == ("few_participants", "few_images")


def test_nothing_is_claimed_without_data_or_with_one_of_each() -> None:
    empty = np.array([], dtype=np.int64)
    assert estimate_mean(np.array([]), empty, empty).flags == ("no_trials",)
    one = np.zeros(2, dtype=np.int64)
    assert estimate_mean(np.array([1.0, 2.0]), one, one).ci95 is None


def test_a_difference_is_the_difference_of_the_means() -> None:
    methods = ["a", "a", "b", "b", "a", "b"]
    (pair,) = compare_means("win_rate", VALUES, methods, PEOPLE, IMAGES)
    assert (pair.a, pair.b, pair.of) == ("a", "b", "win_rate")
    assert pair.difference == pytest.approx(2 - 4)
    assert pair.p == pair.p_holm


@pytest.mark.slow(2)
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Forty people judge 30 images, each of which has an effect of its own."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        people, images = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
        images = (images + 3 * people) % 30
        values = (
            rng.normal(0, 0.5, 40)[people] + rng.normal(0, 0.5, 30)[images] + rng.normal(0, 1, 400)
        )
        low, high = estimate_mean(values, people, images).ci95 or (0, 0)
        covered += low <= 0 <= high
    assert 0.90 <= covered / 300 <= 0.99
