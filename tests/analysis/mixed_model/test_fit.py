"""The fit: a minimum, equal to lme4 with slopes, relabelled, and where data run to an edge."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.mixed_model.fit import MixedFit, fit_crossed
from analysis.trials import Trials
from tests.analysis.mixed_model.test_laplace import dense_deviance, group_of
from tests.analysis.studies import make_trials, read_crossed, read_expected, simulate_study

Floats = NDArray[np.float64]
SEED = 0  # of a study in which no effect is 0
PLACES = np.array([0, 1, 2, 4, 5, 6, 8, 9])  # of beta, people and images, those not 0 by design


def fit_of(trials: Trials, slopes: bool = False) -> MixedFit:
    group = group_of(trials)
    return fit_crossed(trials.fooled, group, trials.participant, trials.image, random_slopes=slopes)


@pytest.fixture(scope="module")
def small() -> tuple[Floats, MixedFit, Callable[[Floats], float]]:
    """Slopes on a small study: the numbers fitted, the fit, and the dense deviance at others."""
    trials = simulate_study(np.random.default_rng(SEED), (0.3, 0.4), 14, 16, 16, 1.0, 1.2)
    fit = fit_of(trials, slopes=True)

    def deviance(numbers: Floats) -> float:
        point = np.zeros(10)
        point[PLACES] = numbers
        beta, people, images = np.split(point, [2, 6])
        return dense_deviance(trials, beta, people.reshape(2, 2), images.reshape(2, 2))

    everything = np.concatenate(
        [fit.beta, fit.participant_loadings.ravel(), fit.image_loadings.ravel()]
    )
    return everything[PLACES], fit, deviance


def test_the_fit_is_the_minimum_of_the_dense_deviance(
    small: tuple[Floats, MixedFit, Callable[[Floats], float]],
) -> None:
    at, fit, deviance = small
    assert fit.flags == ()
    assert fit.deviance == pytest.approx(deviance(at), abs=1e-8)
    for step in np.concatenate([np.eye(8), -np.eye(8)]) * 0.02:
        assert deviance(at + step) > fit.deviance


@pytest.mark.slow(0.3)
def test_the_covariance_is_that_of_the_dense_deviances_curvature(
    small: tuple[Floats, MixedFit, Callable[[Floats], float]],
) -> None:
    at, fit, deviance = small
    steps = np.eye(8) * 1e-3
    curvature = [
        [
            deviance(at + a + b)
            - deviance(at + a - b)
            - deviance(at - a + b)
            + deviance(at - a - b)
            for b in steps
        ]
        for a in steps
    ]
    expected = 2 * np.linalg.inv(np.array(curvature) / 4e-6)
    assert fit.covariance is not None
    assert fit.covariance[np.ix_(PLACES, PLACES)] == pytest.approx(expected, rel=2e-3, abs=1e-4)


# lme4 1.1-31: fooled ~ 0 + model + (0 + model | participant) + (0 + model | image), tolPwrss 1e-10:
# betas, their SEs and covariance, SDs of people and of images, correlations of both, deviance.
# All three are singular there too (a correlation of 1).
LME4_SLOPES = {
    ("l2", "mcl"): (
        (-1.4405173, -0.9067450), (0.1972041, 0.1416213), 0.00827787,
        (0.7399181, 0.4277767), (0.6279841, 0.6059355), (1.0, 0.3633265), 1224.669432,
    ),
    ("l2", "zhang2016"): (
        (-1.4781363, -0.9098372), (0.2015193, 0.1405839), 0.00701105,
        (0.7844349, 0.2564174), (0.7321507, 0.8425215), (0.9324115, 1.0), 1222.085759,
    ),
    ("mcl", "zhang2016"): (
        (-0.9060784, -0.9194274), (0.1441732, 0.1505774), 0.00535585,
        (0.4690037, 0.4068695), (0.5726644, 0.8134203), (1.0, 0.3261745), 1273.967860,
    ),
}  # fmt: skip


@pytest.mark.slow(0.3)
@pytest.mark.parametrize("pair", LME4_SLOPES)
def test_slopes_of_two_methods_agree_with_lme4(pair: tuple[str, str]) -> None:
    beta, se, covariance, people, images, correlations, deviance = LME4_SLOPES[pair]
    crossed = read_crossed()
    fit = fit_of(crossed.select(np.isin(crossed.method, pair)), slopes=True)
    assert fit.deviance == pytest.approx(deviance, abs=1e-4)
    assert fit.beta == pytest.approx(beta, abs=1e-4)
    assert fit.sds == pytest.approx(np.array([people, images]), abs=1e-4)
    for loads, sds, correlation in zip(
        (fit.participant_loadings, fit.image_loadings), fit.sds, correlations, strict=True
    ):
        assert loads[0] @ loads[1] / sds.prod() == pytest.approx(correlation, abs=1e-3)
    assert fit.covariance is not None
    assert np.sqrt(np.diag(fit.covariance))[:2] == pytest.approx(se, abs=1e-4)
    assert fit.covariance[0, 1] == pytest.approx(covariance, abs=2e-5)


# all three methods with random intercepts: betas, SDs, deviance, chi2 of equal methods, and the
# log odds ratios with their SEs
LME4_BETA = (-1.3571572, -0.9181566, -0.8702751)
LME4_SDS, LME4_DEVIANCE, LME4_CHI2 = (0.4959075, 0.5962672), 1859.829742, 13.0495444
LME4_RATIOS = {
    (0, 1): (-0.4390006, 0.1493407),
    (0, 2): (-0.4868820, 0.1492550),
    (1, 2): (-0.0478815, 0.1450776),
}


def test_intercepts_of_all_methods_agree_with_lme4() -> None:
    crossed = read_crossed()
    fit = fit_of(crossed)
    assert fit.beta == pytest.approx(LME4_BETA, abs=1e-4)
    assert fit.sds == pytest.approx(np.repeat([LME4_SDS], 3, axis=0).T, abs=1e-4)
    assert fit.deviance == pytest.approx(LME4_DEVIANCE, abs=1e-4)
    equal = fit_of(replace(crossed, method=np.full(len(crossed.fooled), "any")))
    assert equal.deviance - fit.deviance == pytest.approx(LME4_CHI2, abs=1e-4)
    assert fit.covariance is not None
    for (a, b), (ratio, se) in LME4_RATIOS.items():
        variance = fit.covariance[a, a] + fit.covariance[b, b] - 2 * fit.covariance[a, b]
        assert (fit.beta[a] - fit.beta[b], np.sqrt(variance)) == pytest.approx(
            (ratio, se), abs=1e-4
        )


def test_intercepts_agree_with_the_reference_file() -> None:
    case = read_expected("r")["all_methods"]
    fit = fit_of(read_crossed())
    assert fit.deviance == pytest.approx(case["deviance"], abs=0.01)
    assert fit.beta == pytest.approx(list(case["beta"].values()), abs=0.005)
    assert fit.sds[:, 0] == pytest.approx((case["sd_participant"], case["sd_image"]), abs=0.01)


def test_methods_that_share_nobody_have_no_correlation_of_people() -> None:
    rng = np.random.default_rng(3)
    study = simulate_study(rng, (0.3, 0.4), 40, 30, 20)
    apart = replace(study, method=np.where(study.participant % 2, "m1", "m0"))
    fit = fit_of(apart, slopes=True)
    assert fit.covariance is not None
    assert fit.participant_loadings[1, 0] == 0
    assert fit.image_loadings[1, 0] != 0


@pytest.mark.slow(2)
@settings(max_examples=5)
@given(st.permutations(range(40)), st.permutations(range(200)))
def test_relabelling_people_and_images_changes_nothing(
    people: list[int], images: list[int]
) -> None:
    crossed = read_crossed().select(read_crossed().method == "mcl")
    relabelled = Trials(
        crossed.fooled,
        np.array(people)[crossed.participant],
        np.array(images)[crossed.image],
        crossed.method,
    )
    assert fit_of(relabelled).deviance == pytest.approx(fit_of(crossed).deviance, abs=1e-6)
    assert fit_of(relabelled).sds == pytest.approx(fit_of(crossed).sds, abs=1e-4)


def test_images_in_the_place_of_people_change_the_order_of_the_sds_only() -> None:
    crossed = read_crossed().select(read_crossed().method == "mcl")
    fit = fit_of(crossed)
    turned = fit_of(Trials(crossed.fooled, crossed.image, crossed.participant, crossed.method))
    assert turned.sds == pytest.approx(fit.sds[::-1])
    assert fit.covariance is not None
    assert turned.covariance == pytest.approx(fit.covariance[np.ix_([0, 2, 1], [0, 2, 1])])


def test_people_who_do_not_differ_get_an_sd_of_exactly_0() -> None:
    people, images = np.divmod(np.arange(200), 10)  # everybody answers alike but for a rotation
    fooled = (images + people) % 10 < 3
    fit = fit_of(Trials(fooled, people, images, np.full(200, "m")))
    assert fit.sds.tolist() == [[0], [0]]
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


def test_a_rate_of_exactly_half_without_variance_is_fitted() -> None:
    """Its log odds are 0, which is not a variance that was dropped."""
    trials = make_trials(
        *(
            (person, image, "m", (person + image) % 2 == 0)
            for person in range(4)
            for image in range(4)
        )
    )
    fit = fit_of(trials)
    assert fit.beta == pytest.approx([0], abs=1e-4)
    assert fit.flags == ("no_participant_variance", "no_image_variance")
