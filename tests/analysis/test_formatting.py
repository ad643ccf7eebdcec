"""Names and numbers are formatted in plain English and APA style."""

import pytest

from analysis import formatting


@pytest.mark.parametrize(
    ("value", "digits", "printed"),
    [(-0.04, 1, "0.0"), (-0.05, 2, "\u22120.05"), (1234.5, 0, "1,234"), (None, 1, "\u2013")],
)
def test_numbers_have_a_true_minus_and_zero_has_none(
    value: float | None, digits: int, printed: str
) -> None:
    assert formatting.format_number(value, digits) == printed


def test_a_small_p_is_never_zero() -> None:
    assert formatting.format_p(1e-12) == f"<{formatting.NARROW_SPACE}.001"


def test_a_difference_is_ordered_by_the_higher_rate() -> None:
    pair = {"a": "l2", "b": "mcl", "difference": -0.08, "ci95": (-0.14, -0.02)}
    assert formatting.order_difference(pair) == ("mcl", "l2", 0.08, (0.02, 0.14))
