"""Tests of joint estimates, by mean opinion scores, against statsmodels and sureal."""

import numpy as np
import pytest

from analysis.inference.estimates import compare_estimates, describe_estimates, describe_shares
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from tests.analysis import studies
from tests.analysis.inference.task_data import METHODS, read_expected, read_table


@pytest.fixture
def scores() -> JointEstimates:
    participant, image, method, score = read_table("ratings").T
    return estimate_mean_scores(score.astype(np.float64), method, participant, image, METHODS)


def test_means_and_standard_errors_are_those_of_statsmodels(scores: JointEstimates) -> None:
    expected = read_expected("ratings")
    assert scores.values == pytest.approx(expected["means"])
    by_person, by_image, by_both = scores.covariances
    two_way = by_person + by_image - by_both  # before it is held to that of either factor alone
    # each method's own number of clusters corrects its part here, and the total there
    assert np.sqrt(np.diag(two_way)) == pytest.approx(expected["se"], rel=5e-3)
    contrast = np.array([-1, 0, 0, 1])
    se = float(np.sqrt(contrast @ two_way @ contrast))
    assert se == pytest.approx(expected["se_of_method_3_minus_0"], rel=5e-3)


def test_scores_of_single_stimuli_and_their_standard_errors_are_those_of_sureal() -> None:
    expected = studies.read_expected("raters")
    participant, image, method, score = read_table("ratings").T
    stimuli = [f"{one[0]} {one[1]}" for one in expected["stimuli"]]
    code_of = {name: code for code, name in enumerate(stimuli)}
    codes = np.array([code_of.get(f"{i} {m}", -1) for i, m in zip(image, method, strict=True)])
    rows = codes >= 0  # at least two people rated the stimulus
    found = describe_estimates(
        estimate_mean_scores(
            score[rows].astype(np.float64), codes[rows], participant[rows], image[rows], stimuli
        )
    )
    for name, mean, se in zip(stimuli, expected["means"], expected["se"], strict=True):
        assert found[name].value == pytest.approx(mean)
        assert (found[name].se or 0) == pytest.approx(se)


def test_the_variance_of_a_difference_is_at_least_that_of_either_factor(
    scores: JointEstimates,
) -> None:
    (difference,) = (d for d in compare_estimates(scores) if (d.a, d.b) == ("a", "d"))
    contrast = np.array([1, 0, 0, -1])
    for covariance in scores.covariances[:2]:
        assert difference.se is not None
        assert difference.se**2 >= contrast @ covariance @ contrast * (1 - 1e-12)


def test_intervals_for_these_images_are_narrower(scores: JointEstimates) -> None:
    for estimate in describe_estimates(scores).values():
        assert estimate.ci95 is not None
        assert estimate.ci95_fixed_images is not None
        assert np.ptp(estimate.ci95_fixed_images) < np.ptp(estimate.ci95)
        assert (estimate.participants, estimate.df) == (15, 14)


def test_intervals_end_with_the_scale(scores: JointEstimates) -> None:
    free = describe_estimates(scores)
    lowest = min(one.ci95[0] for one in free.values() if one.ci95)
    ends = lowest + 0.05, 5.0
    for name, one in describe_estimates(scores, ends).items():
        assert (one.value, one.se) == (free[name].value, free[name].se)
        for interval, unclipped in (
            (one.ci95, free[name].ci95),
            (one.ci95_fixed_images, free[name].ci95_fixed_images),
        ):
            assert unclipped is not None
            assert interval == (max(ends[0], unclipped[0]), min(ends[1], unclipped[1]))


def test_equal_scores_have_no_interval() -> None:
    codes = np.array([0, 0, 1, 1])
    same = estimate_mean_scores(
        np.full(4, 3.0), np.zeros(4, np.int64), codes, codes[[0, 2, 0, 2]], "a"
    )
    estimate = describe_estimates(same)["a"]
    assert (estimate.value, estimate.ci95) == (3.0, None)
    assert "no_variation" in estimate.flags


def test_a_method_without_ratings_is_said_to_have_none() -> None:
    codes = np.array([0, 1])
    estimates = estimate_mean_scores(np.array([1.0, 2.0]), codes * 0, codes, codes, "ab")
    described = describe_estimates(estimates)
    assert (described["b"].value, described["b"].flags) == (None, ("no_trials",))
    assert compare_estimates(estimates) == []


def test_a_single_person_leaves_people_out_of_the_interval() -> None:
    image = np.arange(6)
    estimates = estimate_mean_scores(np.arange(6.0), image * 0, image * 0, image, "a")
    estimate = describe_estimates(estimates)["a"]
    assert "one_participant" in estimate.flags
    assert estimate.df == 5
    assert estimate.ci95_fixed_images is None


def test_the_standard_error_is_clustered_by_people_and_images() -> None:
    """One-way by person: sums of deviations -3, 3, 0; by image -1, 1; every cell has one value."""
    values = np.array([1.0, 2.0, 4.0, 5.0, 3.0, 3.0])
    people, images = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    estimate = describe_estimates(estimate_mean_scores(values, 0 * people, people, images, "a"))[
        "a"
    ]
    by_person = 3 / 2 * (9 + 9 + 0) / 36
    by_image = 2 / 1 * (1 + 1) / 36
    by_both = 6 / 5 * (4 + 1 + 1 + 4) / 36
    assert by_person > by_person + by_image - by_both  # so that the variance is that by person
    assert (estimate.value, estimate.df) == (3, 1)
    assert estimate.se == pytest.approx(np.sqrt(by_person))
    assert estimate.flags == ("few_participants", "few_images")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_intervals_of_shares_stay_between_0_and_1(share: float) -> None:
    n = 100
    values = (np.arange(n) < share * n).astype(np.float64)
    codes = np.arange(n) % 10, np.arange(n) // 10
    estimate = describe_shares(estimate_mean_scores(values, codes[0] * 0, *codes, "a"))["a"]
    assert estimate.value == pytest.approx(share)
    assert estimate.ci95 is not None
    low, high = estimate.ci95
    assert 0 <= low <= share <= high <= 1
    assert low < high
