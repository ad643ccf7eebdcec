"""The mixed model: equal to lme4 on the reference set, and flagged where there is none."""

import json
from dataclasses import asdict, replace
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.fooling import Trials
from analysis.mixed import JointMixed, Mixed, joint_model, mixed_rates
from tests.analysis.studies import METHODS, REFERENCE, make_trials, read_crossed

# lme4 1.1-31: beta, its SE, SD of participants, SD of images, deviance, marginal rate
LME4 = {
    "l2": (-1.4296710, 0.1943528, 0.7210450, 0.6114906, 592.708486, 0.2286370),
    "mcl": (-0.8981393, 0.1388115, 0.3952442, 0.5821114, 639.699451, 0.3076733),
    "zhang2016": (-0.9080586, 0.1429322, 0.2825659, 0.8192807, 641.533824, 0.3133439),
}
# all in one model: SDs, deviance; beta and marginal rate of each
LME4_JOINT = (0.4959075, 0.5962672, 1859.829742)
LME4_BETA = {
    "l2": (-1.3571572, 0.2299020),
    "mcl": (-0.9181566, 0.3071094),
    "zhang2016": (-0.8702751, 0.3162881),
}
# first less second: log odds ratio, SE, z, p
LME4_CONTRASTS = {
    ("l2", "mcl"): (-0.4390006, 0.1493407, -2.9395914, 0.0032865),
    ("l2", "zhang2016"): (-0.4868820, 0.1492550, -3.2620808, 0.0011060),
    ("mcl", "zhang2016"): (-0.0478815, 0.1450776, -0.3300403, 0.7413695),
}
EACH = (0.005, 0.001, 0.01, 0.01, 0.01, 0.001)  # tolerances, in the order of LME4


@pytest.fixture(scope="module")
def alone() -> dict[str, Mixed]:
    return mixed_rates(read_crossed(), METHODS)


@pytest.fixture(scope="module")
def joint() -> JointMixed:
    return joint_model(read_crossed(), METHODS)


def numbers(model: Mixed) -> tuple[float | None, ...]:
    sds = model.sd_participant, model.sd_image
    return model.beta, model.se, *sds, model.deviance, model.marginal_rate


def assert_each_near(
    found: tuple[float | None, ...], expected: tuple[float, ...], within: tuple[float, ...]
) -> None:
    for value, other, tolerance in zip(found, expected, within, strict=True):
        assert value == pytest.approx(other, abs=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_each_methods_model_agrees_with_lme4(alone: dict[str, Mixed], method: str) -> None:
    assert_each_near(numbers(alone[method]), LME4[method], EACH)
    assert alone[method].flags == ()


def test_the_joint_model_agrees_with_lme4(joint: JointMixed) -> None:
    for method, (beta, rate) in LME4_BETA.items():
        found = joint.methods[method]
        shared = (found.sd_participant, found.sd_image, found.deviance)
        assert_each_near(shared, LME4_JOINT, (0.01, 0.01, 0.01))
        assert_each_near((found.beta, found.marginal_rate), (beta, rate), (0.005, 0.001))
    assert joint.chi2 == pytest.approx(13.0495444, abs=0.01)
    assert joint.df == 2
    assert joint.p == pytest.approx(0.0014667, abs=1e-5)


def test_contrasts_agree_with_lme4(joint: JointMixed) -> None:
    assert [(one.a, one.b) for one in joint.contrasts] == list(LME4_CONTRASTS)
    for one in joint.contrasts:
        found = (one.log_odds_ratio, one.se, one.z, one.p)
        assert_each_near(found, LME4_CONTRASTS[one.a, one.b], (0.005, 0.001, 0.01, 0.001))


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference cases are not here")
def test_every_number_of_a_model_agrees_with_the_reference_file(
    alone: dict[str, Mixed], joint: JointMixed
) -> None:
    expected = json.loads((REFERENCE / "R_expected.json").read_text())
    names = ("beta", "se", "sd_participant", "sd_image", "deviance", "marginal_rate")
    for method, model in zip(METHODS, ("L2", "MCL", "Zhang"), strict=True):
        case = expected["glmm_per_model"][model]
        assert_each_near(numbers(alone[method]), tuple(case[name] for name in names), EACH)
    everything, mcl = expected["glmm_all"], joint.methods["mcl"]
    latent = (everything["icc_latent_participant"], everything["icc_latent_image"])
    assert_each_near((mcl.icc_participant, mcl.icc_image), latent, (0.001, 0.001))
    assert mcl.se == pytest.approx(everything["se"]["modelMCL"], abs=0.001)


def test_the_marginal_rate_is_not_that_of_an_average_person_and_image(
    alone: dict[str, Mixed],
) -> None:
    """The recurring trap: 28.9 % at random effects of 0, 30.8 % over people and images."""
    mcl = alone["mcl"]
    assert mcl.beta is not None
    assert 1 / (1 + np.exp(-mcl.beta)) == pytest.approx(0.289, abs=5e-4)
    assert mcl.marginal_rate == pytest.approx(0.308, abs=5e-4)


def test_the_interval_of_the_rate_is_near_the_default_one(alone: dict[str, Mixed]) -> None:
    """Two-way clustered: 26.2 to 36.6 %."""
    assert alone["mcl"].ci95 == pytest.approx((0.262, 0.366), abs=0.01)


def test_without_variance_the_rate_has_the_plain_binomial_error() -> None:
    people, images = np.divmod(np.arange(200), 10)
    trials = Trials((images + people) % 10 < 3, people, images, np.full(200, "m"))
    found = mixed_rates(trials, ["m"])["m"]
    half = 2.2621572 * np.sqrt(1 / (200 * 0.3 * 0.7))  # t of 9 degrees, on the log odds
    odds = 0.3 / 0.7 * np.exp([-half, half])
    assert found.ci95 == pytest.approx(odds / (1 + odds), abs=1e-5)
    assert "no_image_variance" in found.flags


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        ([(0, 0, True), (0, 1, False), (0, 1, True)], "one_participant"),
        ([(0, 0, True), (1, 0, False), (1, 0, True)], "one_image"),
        ([(0, 0, True), (0, 1, False), (1, 2, True)], "one_trial_each_image"),
        ([(0, 0, True), (1, 0, False), (2, 1, True)], "one_trial_each_participant"),
        ([(0, 0, True), (0, 1, True), (1, 0, True)], "rate_at_bound"),
        ([(0, 0, True), (0, 1, True), (1, 0, False), (1, 1, False)], "not_identified"),
    ],
)
def test_what_cannot_be_fitted_is_none_and_flagged(
    answers: list[tuple[int, int, bool]], flag: str
) -> None:
    trials = make_trials(*((person, image, "m", fooled) for person, image, fooled in answers))
    found = mixed_rates(trials, ["m"])["m"]
    assert flag in found.flags
    assert found == Mixed(flags=found.flags)


def test_more_trials_than_the_limit_are_not_fitted() -> None:
    crossed = read_crossed()
    assert mixed_rates(crossed, METHODS, 1599)["mcl"] == Mixed(flags=("too_many_trials",))
    assert joint_model(crossed, METHODS, 1599) == JointMixed({}, flags=("too_many_trials",))


def test_a_method_without_trials_is_left_out_of_the_joint_model() -> None:
    crossed = read_crossed()
    assert list(joint_model(crossed, ("mcl", "never-shown", "l2")).methods) == ["l2", "mcl"]
    assert joint_model(crossed, ("mcl", "never-shown")).flags == ("one_method",)
    assert mixed_rates(crossed, ("never-shown",))["never-shown"].flags == ("no_trials",)


def test_a_method_that_never_fooled_has_no_joint_model() -> None:
    crossed = read_crossed()
    trials = replace(crossed, fooled=crossed.fooled & (crossed.method != "l2"))
    assert joint_model(trials, METHODS) == JointMixed({}, flags=("rate_at_bound",))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from("ab"), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_however_small_the_data_every_number_is_finite_or_none(
    answers: list[tuple[int, int, str, bool]],
) -> None:
    trials = make_trials(*answers)
    joint = joint_model(trials, ("a", "b"))
    for model in (*mixed_rates(trials, ("a", "b")).values(), *joint.methods.values()):
        numbers = [value for value in asdict(model).values() if isinstance(value, float)]
        assert all(map(isfinite, (*numbers, *(model.ci95 or ()))))
        assert model.flags or model.ci95
