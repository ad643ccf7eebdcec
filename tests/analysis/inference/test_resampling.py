"""Resampled intervals: near the closed-form ones, paired, and silent where nothing can be drawn."""

import pytest

from analysis.inference.contrasts import compare_methods
from analysis.inference.rates import fooling_rates
from analysis.inference.resampling import Resampled, resample
from tests.analysis.studies import METHODS, make_trials, read_crossed


def test_people_drawn_anew_give_the_interval_for_these_images() -> None:
    crossed = read_crossed()
    found = resample(crossed, METHODS, 4000, seed=0)
    for method, rate in fooling_rates(crossed, METHODS).items():
        assert found[method,].ci95_people == pytest.approx(rate.ci95_these_images, abs=0.012)


def test_people_and_images_drawn_anew_give_wider_intervals_than_the_default() -> None:
    crossed = read_crossed()
    found, rates = resample(crossed, METHODS, 2000, seed=0), fooling_rates(crossed, METHODS)
    for difference in compare_methods(crossed, rates):
        drawn = found[difference.a, difference.b].ci95_both
        assert drawn is not None
        assert difference.ci95 is not None
        assert drawn[0] < difference.ci95[0] < difference.ci95[1] < drawn[1]


def test_the_seed_decides() -> None:
    crossed = read_crossed()
    first, again, other = (resample(crossed, METHODS, 50, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(0, 0, "m", True), (0, 1, "m", False)], Resampled(None, None)),
        ([(0, 0, "m", True), (1, 0, "m", True)], Resampled((1.0, 1.0), None)),
    ],
)
def test_nothing_is_drawn_from_one_person_or_one_image(
    answers: list[tuple[int, int, str, bool]], expected: Resampled
) -> None:
    assert resample(make_trials(*answers), ["m", "never-shown"], 100, seed=0) == {("m",): expected}
    assert resample(make_trials(*answers), ["never-shown"], 100, seed=0) == {}
