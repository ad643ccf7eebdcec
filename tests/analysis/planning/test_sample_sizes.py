"""Tests of the public function on sample size: it agrees with the command and the planner."""

from collections.abc import Callable

import pytest

import analysis


def test_the_sample_size_is_the_commands() -> None:
    plan = analysis.sample_size(0.301, 0.075)  # docs/planning.md shows the command's 38
    assert plan.participants == 38
    assert plan.power is not None
    assert plan.power >= 0.8
    assert plan.interval is not None
    assert sum(plan.interval) / 2 == pytest.approx(0.075)
    assert "<th>participants</th><td>38</td>" in plan._repr_html_()


def test_too_few_images_have_no_sample_size() -> None:
    plan = analysis.sample_size(0.323, 0.022)
    assert (plan.participants, plan.interval) == (None, None)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: analysis.sample_size(0.3), "difference is 0; give the difference to detect"),
        (lambda: analysis.sample_size(0.3, 0.4), "both rates must lie between 0 and 1"),
        (lambda: analysis.sample_size(0.3, 0.1, power=80), "power is 80; expected a number"),
        (lambda: analysis.sample_size(0.3, 0.1, margin=0.05), "must be smaller than margin 0.05"),
        (lambda: analysis.sample_size(0.3, 0.1, trials=300), "trials 300 exceeds images 200"),
        (lambda: analysis.sample_size(0.3, 0.1, trials=1), "trials 1 is too few"),
        (lambda: analysis.sample_size(0.3, 0.1, effects="big"), "effects is 'big'; expected one"),
    ],
)
def test_contradictions_are_refused(compute: Callable[[], object], message: str) -> None:
    with pytest.raises(analysis.DataError, match=message):
        compute()
