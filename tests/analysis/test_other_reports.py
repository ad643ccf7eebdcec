"""docs/beside-other-reports.md: its numbers of ours are those of the reference set."""

from pathlib import Path

import pytest

from analysis.formatting import MINUS_SIGN, format_percent
from analysis.inference.contrasts import adjust_holm, compare_all_methods
from analysis.inference.rates import estimate_rates
from analysis.mixed_model.model import fit_mixed_difference, fit_mixed_rates
from tests.analysis.studies import METHODS, read_crossed

PAGE = (Path(__file__).parents[2] / "docs" / "beside-other-reports.md").read_text("utf-8")


def cells(row: str) -> list[str]:
    """Return the cells of the table row that begins with these words."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def known(rate: float, bounds: tuple[float, float]) -> str:
    return f"{format_percent(rate)} [{format_percent(bounds[0])}, {format_percent(bounds[1])}]"


def short(p: float) -> str:
    return f"{p:.3f}".lstrip("0")


def test_the_rates_and_the_difference_are_the_reports() -> None:
    crossed = read_crossed()
    rates = estimate_rates(crossed, METHODS)
    found = [known(rate.rate or 0, rate.ci95 or (0, 0)) for rate in rates.values()]
    naive = [known(rate.rate or 0, rate.ci95_naive_wilson or (0, 0)) for rate in rates.values()]
    differences = compare_all_methods(crossed, rates)
    less, adjusted = differences[0], adjust_holm([one.p for one in differences])[0]
    assert less.ci95 is not None
    assert less.p is not None
    assert adjusted is not None
    turned = known(-less.difference, (-less.ci95[1], -less.ci95[0]))
    assert cells("**this report**") == [
        *found,
        f"{turned}, p = {short(less.p)}, Holm-corrected {short(adjusted)}",
    ]
    assert cells('the same, "ignoring')[:3] == naive


@pytest.mark.slow(1)
def test_the_mixed_models_are_the_reports() -> None:
    crossed = read_crossed()
    models = fit_mixed_rates(crossed, METHODS)
    found = [known(one.marginal_rate or 0, one.ci95 or (0, 0)) for one in models.values()]
    assert cells("its marginal rates")[:3] == found
    less, _ = fit_mixed_difference(crossed, "l2", "mcl", df=39)
    assert less is not None
    turned = known(-less.difference, (-less.ci95[1], -less.ci95[0]))
    assert cells("lme4 with random slopes")[3] == f"{turned}, p = {short(less.p)}"
    assert MINUS_SIGN not in turned


@pytest.mark.parametrize(("method", "place"), [("l2", 0), ("mcl", 1), ("zhang2016", 2)])
def test_the_conditional_rate_is_that_of_the_intercept_alone(method: str, place: int) -> None:
    beta = fit_mixed_rates(read_crossed(), [method])[method].beta
    assert beta is not None
    rate = 1 / (1 + 2.718281828459045**-beta)
    assert cells("the same model, one method at a time")[place] == format_percent(rate)
