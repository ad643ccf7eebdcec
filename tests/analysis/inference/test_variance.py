"""Variance components: the reference's ANOVA, a full table by hand, no bias when simulated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference.variance import (
    VarianceComponents,
    estimate_icc,
    estimate_variance_components,
)
from analysis.trials import Trials
from tests.analysis.studies import METHODS, make_trials, read_crossed, read_expected

# one-way ANOVA of the reference set: participants, images
CROSSED = {"mcl": (0.03276129669476876, 0.05340158811683834)}


def components_of(fooled: list[int], people: list[int], images: list[int]) -> VarianceComponents:
    answers = zip(people, images, fooled, strict=True)
    return estimate_variance_components(make_trials(*((p, i, "m", bool(y)) for p, i, y in answers)))


@pytest.mark.parametrize("method", CROSSED)
def test_correlations_agree_with_the_reference(method: str) -> None:
    crossed = read_crossed()
    found = estimate_variance_components(crossed.select(crossed.method == method))
    assert (found.icc_participant, found.icc_image) == pytest.approx(CROSSED[method], abs=1e-12)
    assert found.flags == ()


def test_correlations_agree_with_the_reference_file() -> None:
    expected = read_expected("crossed")["icc_mcl"]
    crossed = read_crossed()
    found = estimate_variance_components(crossed.select(crossed.method == "mcl"))
    assert found.icc_participant == pytest.approx(expected["participant"], abs=1e-6)
    assert found.icc_image == pytest.approx(expected["image"], abs=1e-6)


def test_a_full_table_gives_the_textbook_mean_squares() -> None:
    """3 people x 4 images, once each: MSP = 4 vP + vE, MSI = 3 vI + vE, MSE = vE."""
    table = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1]])
    people, images = np.indices(table.shape)
    found = components_of(table.ravel().tolist(), people.ravel().tolist(), images.ravel().tolist())
    rows, columns, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    of_people = 4 * ((rows - mean) ** 2).sum() / 2
    of_images = 3 * ((columns - mean) ** 2).sum() / 3
    rest = ((table - rows[:, None] - columns + mean) ** 2).sum() / 6
    assert found.residual == pytest.approx(rest)
    assert found.participant == pytest.approx((of_people - rest) / 4)
    assert found.image == pytest.approx((of_images - rest) / 3)


def test_components_are_unbiased_where_everyone_sees_the_same_images() -> None:
    """There one-way ANOVA takes the images' part away from the people's: the reason for two-way."""
    rng = np.random.default_rng(1)
    people, images = np.divmod(np.arange(200), 10)
    found = []
    for _ in range(400):
        chance = 0.4 + rng.uniform(-0.15, 0.15, 20)[people] + rng.uniform(-0.2, 0.2, 10)[images]
        seen = rng.random(200) < 0.8
        trials = Trials(rng.random(200) < chance, people, images, np.full(200, "m"))
        found.append(estimate_variance_components(trials.select(seen)))
    assert np.mean([one.participant for one in found if one.participant is not None]) == (
        pytest.approx(0.3**2 / 12, rel=0.1)
    )
    assert np.mean([one.image for one in found if one.image is not None]) == (
        pytest.approx(0.4**2 / 12, rel=0.1)
    )
    one_way = np.mean([one.icc_participant for one in found if one.icc_participant is not None])
    assert one_way < 0.9 * (0.3**2 / 12) / 0.24


@pytest.mark.parametrize(
    ("fooled", "people", "images", "flag"),
    [
        ([1, 0, 1], [0, 0, 0], [0, 1, 1], "one_participant"),
        ([1, 0, 1], [0, 1, 1], [0, 0, 0], "one_image"),
        ([1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 2, 3], "one_trial_each_image"),
        ([1, 0, 1, 0], [0, 1, 2, 3], [0, 0, 1, 1], "one_trial_each_participant"),
        ([1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1], "rate_at_bound"),
        ([1, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], "not_identified"),
    ],
)
def test_what_cannot_be_told_is_none_and_flagged(
    fooled: list[int], people: list[int], images: list[int], flag: str
) -> None:
    found = components_of(fooled, people, images)
    assert flag in found.flags
    assert (found.participant, found.image, found.residual) == (None, None, None)


def test_a_factor_seen_once_each_has_no_correlation_but_the_other_has() -> None:
    found = components_of([1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3])
    assert (found.icc_participant, found.icc_image) == (1, None)


def test_no_trials_have_no_components() -> None:
    crossed = read_crossed()
    nothing = crossed.select(crossed.method == "never-shown")
    assert estimate_variance_components(nothing) == VarianceComponents(flags=("no_trials",))


@pytest.mark.slow(2)
@given(st.permutations(range(40)), st.permutations(range(200)))
def test_relabelling_people_and_images_changes_nothing(
    people: list[int], images: list[int]
) -> None:
    crossed = read_crossed()
    relabelled = Trials(
        crossed.fooled,
        np.array(people)[crossed.participant],
        np.array(images)[crossed.image],
        crossed.method,
    )
    for method in METHODS:
        first, second = (
            estimate_variance_components(trials.select(crossed.method == method))
            for trials in (crossed, relabelled)
        )
        assert second.participant == pytest.approx(first.participant, abs=1e-12)
        assert second.icc_image == pytest.approx(first.icc_image, abs=1e-12)


def test_values_that_never_vary_have_no_correlation() -> None:
    assert estimate_icc(np.array([True, True, True]), np.array([0, 0, 1])) is None
