"""The attention checks are counted, and the probability of passing them is binomial."""

from pathlib import Path

import pytest

from analysis.checks.attention_checks import (
    AttentionCheckSummary,
    list_attention_checks,
    pass_probability,
    summarize_attention_checks,
)
from analysis.exclusions.person_measures import measure_participants
from analysis.inputs.design import ExclusionRules
from analysis.inputs.sources import read_responses
from analysis.inputs.trial_table import build_trial_table
from tests.analysis.people import make_person
from tests.analysis.rows import Row, write_csv


def observe(folder: Path, rows: list[Row], rules: ExclusionRules) -> AttentionCheckSummary:
    record = build_trial_table(read_responses(str(write_csv(folder / "responses.csv", rows))))
    return summarize_attention_checks(
        list_attention_checks(record), measure_participants(record, 200), rules
    )


@pytest.mark.parametrize(
    ("planned", "needed", "known"),  # statistics of catch trials, to the digits printed there
    [
        (4, 3, (0.31, 0.998, 0.95)),
        (6, 5, (0.11, 0.994, 0.89)),
        (10, 8, (0.055, 0.999, 0.93)),
        (8, 7, (0.035, 0.990, 0.81)),
        (4, 5, (0.0, 0.0, 0.0)),
    ],
)
def test_the_pass_probability_is_binomial(
    planned: int, needed: int, known: tuple[float, float, float]
) -> None:
    passing = pass_probability(planned, needed)
    chances = (passing.coin_flipper, passing.lapse_02, passing.lapse_10)
    assert chances == pytest.approx(known, abs=0.005)


def test_participants_who_saw_all_checks_are_counted(tmp_path: Path) -> None:
    rows = [
        *make_person("p1"),
        *make_person("p2", missed=1),
        *make_person("p3", missed=3),
        *make_person("p4", 15, missed=1, outcome="abandoned"),
    ]
    found = observe(
        tmp_path, rows, ExclusionRules(attention_checks_planned=4, attention_checks_min_correct=3)
    )
    assert (found.answers, found.correct) == (13, 8)
    assert found.rate == 8 / 13
    assert found.ci95 is not None
    assert found.ci95[0] < 8 / 13 < found.ci95[1]
    assert (found.saw_all, found.failed) == (3, 1)
    assert found.by_correct == {"1": 1, "3": 1, "4": 1}
    assert found.pass_probability == pass_probability(4, 3)


def test_different_numbers_of_checks_have_no_pass_probability(tmp_path: Path) -> None:
    rows = make_person("p1") + make_person("p2", attention_checks=range(10), missed=3)
    found = observe(tmp_path, rows, ExclusionRules())
    assert (found.saw_all, found.failed, found.pass_probability) == (2, 1, None)


def test_without_attention_checks_the_summary_is_empty(tmp_path: Path) -> None:
    found = observe(tmp_path, make_person("p1", attention_checks=()), ExclusionRules())
    assert found == AttentionCheckSummary(0, 0, None, None, 0, 0, {}, None)
