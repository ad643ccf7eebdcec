"""Tests of the findings on judged candidates in sentences."""

import pytest

from analysis.formatting import ReportDict
from analysis.report_output.judged.sentences import list_findings


@pytest.mark.parametrize(
    ("ranks", "sentence"),
    [
        ([1, 1], "Its rank is 1 of 4."),
        ([2, 3], "It may rank 2 or 3 of 4."),
        ([2, 4], "It may rank 2 to 4 of 4."),
        ([1, 4], "It may have any of the 4 ranks."),
    ],
)
def test_the_possible_ranks_are_said(ranks: list[int], sentence: str) -> None:
    share = {"value": 0.5, "ci95": [0.4, 0.6], "ci95_fixed_images": None}
    report: ReportDict = {
        "methods": {name: {"win_rate": share, "rank_set": ranks} for name in "abcd"},
        "differences": [],
    }
    assert list_findings(report)[0] == (
        f"a was preferred in 50.0% of its comparisons (95% CI 40.0 to 60.0). {sentence}"
    )
