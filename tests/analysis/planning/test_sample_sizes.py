"""Tests of the public function on sample size: it agrees with the command and the planner."""

import math
from collections.abc import Callable

import pytest

import analysis
from analysis.planning.judged_scenarios import JudgedSds
from analysis.planning.sample_sizes import SampleSize


def test_the_sample_size_is_the_commands() -> None:
    plan = analysis.sample_size(0.301, 0.075)  # docs/planning.md shows the command's 38
    assert plan.participants == 38
    assert plan.power is not None
    assert plan.power >= 0.8
    assert plan.interval is not None
    assert sum(plan.interval) / 2 == pytest.approx(0.075)
    assert "<th>participants</th><td>38</td>" in plan._repr_html_()


@pytest.mark.parametrize(
    ("plan", "participants"),
    [
        (lambda: analysis.sample_size(0.301, 0.075, paired=False), 68),
        (lambda: analysis.sample_size(0.6, task="preference", methods=4, images=60), 91),
        (lambda: analysis.sample_size(difference=-0.4, task="rating", trials=20, images=40), 25),
    ],
)
def test_the_sample_size_of_other_studies_is_the_commands(
    plan: Callable[[], SampleSize], participants: int
) -> None:
    """tests/analysis/test_power.py has these numbers, too."""
    assert plan().participants == participants


def test_the_difference_between_strengths_is_on_the_log_odds() -> None:
    plan = analysis.sample_size(0.6, task="preference", effects=JudgedSds(0.3, 0.3))
    assert plan.difference == pytest.approx(math.log(0.6 / 0.4))
    wider = analysis.sample_size(0.6, task="preference", effects=JudgedSds(0.6, 0.6))
    assert (wider.participants or 0) > (plan.participants or 0)


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
        (lambda: analysis.sample_size(difference=0.1), "rate is missing; give the fooling rate"),
        (lambda: analysis.sample_size(0.3, 0.1, methods=1), "methods is 1; a comparison needs"),
        (
            lambda: analysis.sample_size(0.3, 0.1, within=False, paired=False, images=60),
            "images 60 is too few for 2 methods with images of their own; give at least 80",
        ),
        (lambda: analysis.sample_size(0.3, task="dance"), "task is 'dance'; expected one of"),
        (lambda: analysis.sample_size(0.5, task="preference"), "rate is 0.5; give the share of"),
        (lambda: analysis.sample_size(0.6, 0.1, task="preference"), "difference does not apply"),
        (lambda: analysis.sample_size(3, 0.1, task="rating"), "rate does not apply to the task"),
        (lambda: analysis.sample_size(task="rating"), "difference is 0; give the difference"),
        (
            lambda: analysis.sample_size(difference=0.4, task="rating", margin=0.5),
            "margin does not apply to the task rating; leave it out",
        ),
        (
            lambda: analysis.sample_size(difference=0.4, task="rating", effects="low"),
            "effects is 'low'; for the task rating, give a JudgedSds",
        ),
    ],
)
def test_contradictions_are_refused(compute: Callable[[], object], message: str) -> None:
    with pytest.raises(analysis.DataError, match=message):
        compute()
