"""Leaving one out in closed form: equal to leaving each out in turn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference.influence import leave_one_out

NAMES = ["ann", "ben", "cid", "dot"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1))
def test_the_range_is_that_of_leaving_each_out_in_turn(answers: list[tuple[int, bool]]) -> None:
    codes, fooled = np.array([code for code, _ in answers]), np.array([y for _, y in answers])
    found = leave_one_out(fooled, codes, NAMES)
    present = np.unique(codes)
    if found is None:
        assert len(present) == 1
        return
    rates = {NAMES[code]: fooled[codes != code].mean() for code in present}
    assert (found.low, found.high) == pytest.approx((min(rates.values()), max(rates.values())))
    assert rates[found.low_without] == pytest.approx(found.low)
    assert rates[found.high_without] == pytest.approx(found.high)


def test_the_one_who_was_always_fooled_raises_the_rate() -> None:
    codes = np.repeat([0, 1, 2], 4)
    found = leave_one_out(np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool), codes, NAMES)
    assert found is not None
    assert (found.low, found.low_without) == (1 / 8, "ben")
    assert (found.high, found.high_without) == (5 / 8, "cid")
