"""The approximation against its definition written out, with the whole Hessian: slow and plain."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.mixed_model.laplace import Loadings, build_layout, laplace_deviance
from analysis.trials import Trials
from tests.analysis.studies import simulate_study

Floats = NDArray[np.float64]
BETA = np.array([-0.8, -0.3])
PEOPLE = np.array([[0.9, 0.0], [0.4, 0.6]])
IMAGES = np.array([[1.1, 0.0], [-0.3, 0.7]])


def draw_small_study() -> Trials:
    """12 people, 15 images, two methods, effects large enough to be seen in 168 trials."""
    rng = np.random.default_rng(0)
    return simulate_study(rng, (0.3, 0.4), 12, 15, 14, sd_participant=1.0, sd_image=1.2)


def group_of(trials: Trials) -> NDArray[np.int64]:
    return np.unique(trials.method, return_inverse=True)[1].astype(np.int64)


def dense_deviance(trials: Trials, beta: Floats, people: Floats, images: Floats) -> float:
    """-2 log of the approximation; people, images (G, K): loads."""
    group, size = group_of(trials), people.shape[1]
    effects = [size * (codes.max() + 1) for codes in (trials.participant, trials.image)]
    loadings = np.zeros((len(trials.fooled), sum(effects)))
    rows = np.arange(len(trials.fooled))
    for k in range(size):
        loadings[rows, size * trials.participant + k] = people[group, k]
        loadings[rows, effects[0] + size * trials.image + k] = images[group, k]
    modes = np.zeros(sum(effects))
    for _ in range(12):
        rate = 1 / (1 + np.exp(-(beta[group] + loadings @ modes)))
        hessian = loadings.T @ (loadings * (rate * (1 - rate))[:, None]) + np.eye(len(modes))
        modes += np.linalg.solve(hessian, loadings.T @ (trials.fooled - rate) - modes)
    likelihood = np.where(trials.fooled, rate, 1 - rate)
    return float(-2 * np.log(likelihood).sum() + modes @ modes + np.linalg.slogdet(hessian)[1])


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_the_deviance_is_that_of_the_whole_hessian(size: int, turned: bool) -> None:
    trials = draw_small_study()
    if turned:  # more people than images
        trials = Trials(trials.fooled, trials.image, trials.participant, trials.method)
    people, images = PEOPLE[:, :size], IMAGES[:, :size]
    study, swapped = build_layout(trials.fooled, group_of(trials), trials.participant, trials.image)
    assert swapped == turned
    loads = Loadings(images, people) if swapped else Loadings(people, images)
    found = laplace_deviance(study, BETA, loads).deviance
    assert found == pytest.approx(dense_deviance(trials, BETA, people, images), abs=1e-9)


def test_the_slopes_are_those_of_the_deviance() -> None:
    trials = draw_small_study()
    study, _ = build_layout(trials.fooled, group_of(trials), trials.participant, trials.image)
    at = np.concatenate([BETA, PEOPLE.ravel(), IMAGES.ravel()])

    def deviance(point: Floats) -> float:
        beta, people, images = np.split(point, [2, 6])
        loads = Loadings(people.reshape(2, 2), images.reshape(2, 2))
        return laplace_deviance(study, beta, loads).deviance

    steps = 1e-5 * np.eye(len(at))
    slopes = [(deviance(at + step) - deviance(at - step)) / 2e-5 for step in steps]
    found = laplace_deviance(study, BETA, Loadings(PEOPLE, IMAGES))
    flat = [
        found.beta_gradient,
        found.loading_gradient.small.ravel(),
        found.loading_gradient.large.ravel(),
    ]
    assert np.concatenate(flat) == pytest.approx(slopes, abs=1e-6)


def test_modes_to_begin_with_change_nothing() -> None:
    trials = draw_small_study()
    study, _ = build_layout(trials.fooled, group_of(trials), trials.participant, trials.image)
    loads = Loadings(PEOPLE, IMAGES)
    near = laplace_deviance(study, BETA + 0.3, loads).modes
    found, again = laplace_deviance(study, BETA, loads), laplace_deviance(study, BETA, loads, near)
    assert again.deviance == pytest.approx(found.deviance, abs=1e-9)
