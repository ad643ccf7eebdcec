"""Intervals of one proportion, against statsmodels 0.15 and R 4.2."""

from math import inf

import pytest

from analysis.inference.intervals import (
    clopper_pearson_interval,
    newcombe_interval,
    t_quantile,
    two_sided_p,
    wilson_interval,
)
from tests.analysis.studies import read_expected

# fooled, trials, R's prop.test(correct=FALSE), R's binom.test
R_INTERVALS = [
    (0, 10, (0, 0.277532799862889), (0, 0.308497107818761)),
    (1, 10, (0.0178762130950729, 0.404150026795238), (0.00252857854446179, 0.445016117028195)),
    (10, 10, (0.722467200137111, 1), (0.691502892181239, 1)),
    (12, 40, (0.180748452297465, 0.454300188181449), (0.165627204393236, 0.465316285254123)),
    (361, 1200, (0.27555410070536, 0.327383647868062), (0.274982700813601, 0.32766382435926)),
]


@pytest.mark.parametrize(("fooled", "trials", "score", "exact"), R_INTERVALS)
def test_wilson_and_clopper_pearson_agree_with_r(
    fooled: int, trials: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert wilson_interval(fooled / trials, trials, t_quantile(inf)) == pytest.approx(
        score, abs=1e-9
    )
    assert clopper_pearson_interval(fooled / trials, trials) == pytest.approx(exact, abs=1e-9)


def test_wilson_and_clopper_pearson_agree_with_r_on_every_reference_case() -> None:
    cases = read_expected("r")["proportions"]
    for case in cases:
        rate, trials = case["k"] / case["n"], case["n"]
        assert wilson_interval(rate, trials, t_quantile(inf)) == pytest.approx(
            case["wilson"], abs=1e-9
        )
        assert clopper_pearson_interval(rate, trials) == pytest.approx(
            case["clopper_pearson"], abs=1e-9
        )


def test_they_agree_with_statsmodels_at_every_level() -> None:
    cases = read_expected("proportions")["cases"]
    assert len({case["alpha"] for case in cases}) == 3
    for case in cases:
        rate, trials, level = case["k"] / case["n"], case["n"], 1 - case["alpha"]
        score = wilson_interval(rate, trials, t_quantile(inf, 1 - case["alpha"] / 2))
        assert score == pytest.approx(case["wilson"], abs=1e-9)
        exact = clopper_pearson_interval(rate, trials, level)
        assert exact == pytest.approx(case["clopper_pearson"], abs=1e-9)


def test_newcombe_agrees_with_his_first_example() -> None:
    """Newcombe 1998, table II, contrast (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339."""
    z = t_quantile(inf)
    a, b = 56 / 70, 48 / 80
    bounds = newcombe_interval(a, wilson_interval(a, 70, z), b, wilson_interval(b, 80, z))
    assert bounds == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_student_t_agrees_with_the_printed_table() -> None:
    assert t_quantile(9) == pytest.approx(2.262157, abs=1e-6)
    assert two_sided_p(2.262157, 9) == pytest.approx(0.05, abs=1e-6)
