"""Tests of how the fields of a table tell its task."""

import pytest

from analysis.conversion.records import Record, Records
from analysis.conversion.tasks.catalog import CONVERTED_TASKS, find_task
from analysis.tasks.catalog import JUDGED_TASKS, TASKS_WITH_TRUTH
from tests.analysis.conversion.conversions import MAP, SINGLE, make_refusal_test


@pytest.mark.parametrize(
    ("fields", "task"),
    [
        (["score.sharp", "answer"], "rating"),
        (["method1", "best", "worst"], "best_worst"),
        (["method1", "order"], "ranking"),
        (["method", "rank"], "ranking"),
        (["method", "chosen"], "preference"),
        (["method1", "answer"], "preference"),
        (["method1", "answer", "question"], "real_or_fake"),
        (["method", "answer"], "real_or_fake"),
        (["method", "correct"], "real_or_fake"),
    ],
)
def test_fields_tell_the_task(fields: list[str], task: str) -> None:
    record = Record("", dict.fromkeys(fields, "1"), ())
    assert find_task(Records("own.csv", [record], {}, knows_trial=False, is_wide=False)) == task


def test_tables_of_every_task_of_the_report_can_be_converted() -> None:
    assert set(CONVERTED_TASKS) == {*JUDGED_TASKS, *TASKS_WITH_TRUTH}


REFUSALS = [
    (SINGLE, MAP[:4], "cannot tell the task"),
]  # fmt: skip

test_tables_without_an_answer_are_refused_in_one_line = make_refusal_test(REFUSALS)
