"""People needed: the researchers' table, its consequences, and simulations that agree."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from analysis.planning.formulas import (
    EFFECT_PRESETS,
    EffectSds,
    PowerScenario,
    marginal_intercept,
    rate_variances,
)
from analysis.planning.scenario_power import (
    compute_power,
    expected_half_width,
    find_images_needed,
    find_participants_needed,
)
from analysis.planning.simulated_studies import simulate_power, simulate_study
from tests.analysis.studies import read_expected

TYPICAL = EFFECT_PRESETS["typical"]
ANY = 1_000_000  # images, so many that their number does not matter
WITHIN, BETWEEN = True, False

# 22.6 against 30.1 %: trials each, images, effects, design, methods, people for 80 and 90 % power.
# Within, with two methods, as simulated for the design; between, 2 more, because the people of one
# group minus 1 are the degrees of freedom; three methods a third more, for Holm's correction.
TABLE = [
    (40, ANY, "none", WITHIN, 2, 30, 38),
    (40, ANY, "none", BETWEEN, 2, 32, 42),
    (40, 200, "low", WITHIN, 2, 34, 44),
    (40, 200, "low", BETWEEN, 2, 52, 68),
    (40, 200, "typical", WITHIN, 2, 38, 52),
    (40, 200, "typical", BETWEEN, 2, 80, 112),
    (40, 200, "high", WITHIN, 2, 46, 68),
    (40, 200, "high", BETWEEN, 2, 138, 202),
    (40, 1600, "typical", WITHIN, 2, 34, 44),
    (40, 1600, "typical", BETWEEN, 2, 72, 94),
    (20, 200, "typical", WITHIN, 2, 68, 94),
    (20, 200, "typical", BETWEEN, 2, 110, 154),
    (80, 400, "typical", WITHIN, 2, 22, 28),
    (80, 400, "typical", BETWEEN, 2, 62, 82),
    (40, 400, "low", WITHIN, 3, 63, 81),
    (40, 400, "typical", WITHIN, 3, 69, 87),
    (40, 400, "high", WITHIN, 3, 75, 102),
]


@pytest.mark.parametrize(
    ("trials", "images", "effects", "within", "methods", "for_80", "for_90"), TABLE
)
def test_the_researchers_table(
    trials: int, images: int, effects: str, within: bool, methods: int, for_80: int, for_90: int
) -> None:
    study = PowerScenario((0.301, 0.226), EFFECT_PRESETS[effects], trials, images, methods, within)
    found = [find_participants_needed(study, target) for target in (0.8, 0.9)]
    assert found == pytest.approx([for_80, for_90], rel=0.02)
    assert all(people is not None and people % methods == 0 for people in found)


def test_without_effects_it_is_the_textbook_number_of_trials() -> None:
    """statsmodels, with Cohen's h: 539.13 trials a method; a few more here, for t, not z."""
    study = PowerScenario((0.301, 0.226), EFFECT_PRESETS["none"], 2, ANY)
    assert find_participants_needed(study, 0.8) == pytest.approx(539.13, rel=0.01)


def test_a_close_comparison_takes_1600_images_and_506_people() -> None:
    """30.1 against 32.3 %; with 400 images, more than 2,000 people, and for 90 % no number."""
    study = PowerScenario((0.323, 0.301), TYPICAL, 40, 1600)
    assert find_participants_needed(study, 0.8) == pytest.approx(506, rel=0.05)
    fewer = replace(study, images=400)
    assert compute_power(fewer, 2000) < 0.8
    assert find_participants_needed(fewer, 0.9) is None
    assert compute_power(fewer, inf) < 0.9


def test_images_cap_power_until_there_are_enough() -> None:
    study = PowerScenario((0.323, 0.301), TYPICAL, 40, 400)
    enough = find_images_needed(study, 0.9)
    assert enough is not None
    assert find_participants_needed(replace(study, images=enough - 1), 0.9) is None
    assert compute_power(replace(study, images=enough), inf) >= 0.9


@pytest.mark.parametrize(
    ("people", "trials", "images", "points"),
    [(40, 20, 200, 4.8), (60, 20, 200, 4.1), (100, 40, 200, 3.1), (100, 40, 1600, 2.4)],
)
def test_half_widths_of_a_rate_of_30_percent(
    people: int, trials: int, images: int, points: float
) -> None:
    """trials: of the method, so that a study of two has twice as many."""
    study = PowerScenario((0.3, 0.3), TYPICAL, 2 * trials, images)
    assert 100 * expected_half_width(study, people) == pytest.approx(points, abs=0.05)
    between = replace(study, trials=trials, is_within=False)
    assert expected_half_width(between, 2 * people) == pytest.approx(
        expected_half_width(study, people)
    )


@pytest.mark.parametrize(
    ("people", "images", "margin", "expected"),
    [(40, 200, 0.05, 0.19), (100, 400, 0.05, 0.80), (40, 200, 0.10, 0.96)],
)
def test_equivalence_takes_more_people(
    people: int, images: int, margin: float, expected: float
) -> None:
    """The researchers' simulations of equal rates within the margin."""
    study = PowerScenario((0.301, 0.301), TYPICAL, 40, images, margin=margin)
    assert compute_power(study, people) == pytest.approx(expected, abs=0.015)


def test_a_true_difference_at_the_margin_is_never_more_than_an_error() -> None:
    study = PowerScenario((0.351, 0.301), TYPICAL, 40, 1600, margin=0.05)
    assert compute_power(study, 1000) == pytest.approx(0.05, abs=0.002)


@pytest.mark.slow(0.7)
@pytest.mark.parametrize(
    "study",
    [
        PowerScenario((0.301, 0.226), TYPICAL, 40, 200),
        PowerScenario((0.301, 0.226), TYPICAL, 40, 200, is_within=False),
        PowerScenario((0.301, 0.226), TYPICAL, 40, 400, methods=3),
        PowerScenario((0.301, 0.301), TYPICAL, 40, 200, margin=0.08),
        PowerScenario((0.35, 0.226), TYPICAL, 20, 120, is_paired=False),
        PowerScenario((0.35, 0.226), TYPICAL, 20, 120, is_within=False, is_paired=False),
    ],
)
def test_simulated_studies_find_as_much_as_the_formula_says(study: PowerScenario) -> None:
    people = find_participants_needed(study, 0.8)
    assert people is not None
    assert simulate_power(study, people, studies=200, seed=0) == pytest.approx(0.8, abs=0.08)


@pytest.mark.slow(1)
def test_with_three_methods_the_power_is_that_after_holms_correction() -> None:
    study = PowerScenario((0.301, 0.226), TYPICAL, 40, 400, methods=3)
    assert study.alpha == pytest.approx(0.05 / 3)
    people = find_participants_needed(study, 0.8)
    assert people is not None
    corrected = simulate_power(study, people, studies=300, seed=1)
    assert 0.77 <= corrected <= 0.9  # Holm gains a little over an equal share for each pair
    uncorrected = find_participants_needed(replace(study, methods=2, trials=27), 0.8)
    assert uncorrected is not None
    assert people > 1.25 * uncorrected


@pytest.mark.parametrize("is_within", [True, False])
def test_unpaired_methods_share_no_images(is_within: bool) -> None:
    rng = np.random.default_rng(0)
    study = simulate_study(rng, (0.3, 0.3, 0.3), 12, 60, 12, TYPICAL, is_within, paired=False)
    for code in range(3):
        assert set((study.image[study.method == f"m{code}"] % 3).tolist()) == {code}
    seen = set(zip(study.participant.tolist(), study.image.tolist(), strict=True))
    assert len(seen) == len(study.image) == 12 * 12
    fewest = PowerScenario((0.3, 0.2), TYPICAL, 12, 60, 3, is_within, is_paired=False).fewest_images
    assert fewest == (12 if is_within else 36)


def test_equivalence_is_not_corrected_for_other_pairs() -> None:
    assert PowerScenario((0.3, 0.3), TYPICAL, 40, 200, methods=4, margin=0.05).alpha == 0.05


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("correlations", [(0.0, 0.0), (0.9, 0.2)])
def test_the_correlations_count_in_the_formula_as_in_the_simulation(
    correlations: tuple[float, float],
) -> None:
    study = PowerScenario((0.301, 0.226), EffectSds(0.8, 1.0, *correlations), 40, 200)
    people = find_participants_needed(study, 0.8)
    assert people is not None
    assert simulate_power(study, people, studies=200, seed=0) == pytest.approx(0.8, abs=0.08)


def test_presets_are_the_researchers_shares_of_variance() -> None:
    """The rate lies between two rates of the table."""
    shares = {"low": (0.015, 0.045), "typical": (0.036, 0.10), "high": (0.07, 0.17)}
    for name, expected in shares.items():
        found = [
            variance / (0.2635 * 0.7365)
            for variance in rate_variances(0.2635, EFFECT_PRESETS[name])
        ]
        assert found == pytest.approx(expected, rel=0.1)


def test_the_intercept_agrees_with_every_integral_of_the_reference_file() -> None:
    for case in read_expected("marginal_rates"):
        found = marginal_intercept(case["rate"], EffectSds(case["sd"], 0))
        assert found == pytest.approx(case["log_odds"], abs=1e-5)


def test_the_intercept_gives_the_mean_rate() -> None:
    """Gauss-Hermite integrals of the reference: log odds -1.2 and SD 0.943398 give 26.547 %."""
    assert marginal_intercept(0.26547185090990866, EffectSds(0.943398, 0)) == pytest.approx(-1.2)
    assert marginal_intercept(0.18292819019566808, EffectSds(0, 1.4)) == pytest.approx(
        -2.0, abs=1e-5
    )
