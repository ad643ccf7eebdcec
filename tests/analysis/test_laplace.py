"""The fit: against a dense Laplace approximation written out, and where data run to an edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.fooling import Trials
from analysis.laplace import Fit, fit_crossed
from tests.analysis.studies import read_crossed, simulate_study


def fit_of(trials: Trials) -> Fit:
    return fit_crossed(trials.fooled, group_of(trials), trials.participant, trials.image)


def draw_small_study() -> Trials:
    """12 people, 15 images, two methods, effects large enough to be seen in 168 trials."""
    rng = np.random.default_rng(0)
    return simulate_study(rng, (0.3, 0.4), 12, 15, 14, sd_participant=1.0, sd_image=1.2)


def group_of(trials: Trials) -> NDArray[np.int64]:
    return np.unique(trials.method, return_inverse=True)[1].astype(np.int64)


def dense_deviance(trials: Trials, beta: NDArray[np.float64], sds: NDArray[np.float64]) -> float:
    """-2 log of the Laplace approximation, with the whole Hessian: slow and plain."""
    people, images = trials.participant.max() + 1, trials.image.max() + 1
    loadings = np.zeros((len(trials.fooled), people + images))
    rows = np.arange(len(trials.fooled))
    loadings[rows, trials.participant] = sds[0]
    loadings[rows, people + trials.image] = sds[1]
    modes = np.zeros(people + images)
    for _ in range(50):
        rate = 1 / (1 + np.exp(-(beta[group_of(trials)] + loadings @ modes)))
        hessian = loadings.T @ (loadings * (rate * (1 - rate))[:, None]) + np.eye(len(modes))
        modes += np.linalg.solve(hessian, loadings.T @ (trials.fooled - rate) - modes)
    likelihood = np.where(trials.fooled, rate, 1 - rate)
    return float(-2 * np.log(likelihood).sum() + modes @ modes + np.linalg.slogdet(hessian)[1])


def test_the_fit_is_the_minimum_of_the_dense_deviance() -> None:
    trials = draw_small_study()
    fit = fit_of(trials)
    lowest = dense_deviance(trials, fit.beta, fit.sds)
    assert fit.flags == ()
    assert fit.deviance == pytest.approx(lowest, abs=1e-8)
    for step in np.concatenate([np.eye(4), -np.eye(4)]) * 0.02:
        assert dense_deviance(trials, fit.beta + step[:2], fit.sds + step[2:]) > lowest


def test_the_covariance_is_that_of_the_dense_deviances_curvature() -> None:
    trials = draw_small_study()
    fit = fit_of(trials)
    assert fit.covariance is not None
    at, steps = np.append(fit.beta, fit.sds), np.eye(4) * 1e-3

    def deviance(point: NDArray[np.float64]) -> float:
        return dense_deviance(trials, point[:2], point[2:])

    curvature = (
        np.array(
            [
                [
                    deviance(at + a + b)
                    - deviance(at + a - b)
                    - deviance(at - a + b)
                    + deviance(at - a - b)
                    for b in steps
                ]
                for a in steps
            ]
        )
        / 4e-6
    )
    assert fit.covariance == pytest.approx(2 * np.linalg.inv(curvature), rel=1e-3, abs=1e-5)


@settings(max_examples=5)
@given(st.permutations(range(40)), st.permutations(range(200)))
def test_relabelling_people_and_images_changes_nothing(
    people: list[int], images: list[int]
) -> None:
    crossed = read_crossed().only(read_crossed().method == "mcl")
    relabelled = Trials(
        crossed.fooled,
        np.array(people)[crossed.participant],
        np.array(images)[crossed.image],
        crossed.method,
    )
    assert fit_of(relabelled).deviance == pytest.approx(fit_of(crossed).deviance, abs=1e-6)
    assert fit_of(relabelled).sds == pytest.approx(fit_of(crossed).sds, abs=1e-4)


def test_images_in_the_place_of_people_change_the_order_of_the_sds_only() -> None:
    crossed = read_crossed().only(read_crossed().method == "mcl")
    fit = fit_of(crossed)
    turned = fit_of(Trials(crossed.fooled, crossed.image, crossed.participant, crossed.method))
    assert turned.sds == pytest.approx(fit.sds[::-1])
    assert fit.covariance is not None
    assert turned.covariance == pytest.approx(fit.covariance[np.ix_([0, 2, 1], [0, 2, 1])])


def test_people_who_do_not_differ_get_an_sd_of_exactly_0() -> None:
    people, images = np.divmod(np.arange(200), 10)  # everybody answers alike but for a rotation
    fooled = (images + people) % 10 < 3
    fit = fit_of(Trials(fooled, people, images, np.full(200, "m")))
    assert fit.sds.tolist() == [0, 0]
    assert fit.flags == ("no_participant_variance", "no_image_variance")
    assert fit.beta[0] == pytest.approx(np.log(0.3 / 0.7), abs=1e-4)
    assert fit.covariance is not None
    assert fit.covariance[0, 0] == pytest.approx(1 / (200 * 0.3 * 0.7), rel=1e-4)


def test_people_who_decide_everything_do_not_converge() -> None:
    people, images = np.divmod(np.arange(80), 8)
    fit = fit_of(Trials(people < 4, people, images, np.full(80, "m")))
    assert (fit.covariance, fit.flags) == (None, ("not_converged",))


def test_people_who_are_the_images_cannot_be_told_apart_from_them() -> None:
    rng = np.random.default_rng(0)
    people = np.arange(200) % 20
    fooled = rng.random(200) < np.where(people < 10, 0.1, 0.6)
    fit = fit_of(Trials(fooled, people, people, np.full(200, "m")))
    assert (fit.covariance, fit.flags) == (None, ("not_identified",))
