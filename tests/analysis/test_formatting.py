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


@pytest.mark.parametrize(
    ("share", "digits", "printed"),
    [
        (0.312, 0, "31"), (0.0, 0, "0"), (1.0, 0, "100"), (0.5, 0, "50"), (0.004, 0, "0.4"),
        (0.996, 0, "99.6"), (0.498, 0, "49.8"), (0.00004, 1, "0.004"), (-0.0004, 1, "\u22120.04"),
        (0.49996, 1, "49.996"), (1e-12, 1, "0.000000"),
    ],
)  # fmt: skip
def test_a_share_is_0_or_50_or_100_only_where_it_says_so(
    share: float, digits: int, printed: str
) -> None:
    assert formatting.format_share(share, digits) == printed
