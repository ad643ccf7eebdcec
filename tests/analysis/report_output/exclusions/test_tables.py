"""The tables of exclusions name the rule that changes a difference most."""

from typing import Any

import pytest

from analysis.formatting import MINUS_SIGN
from analysis.report_output.exclusions.tables import tabulate_differences_under_other_rules

KNOWN = {"ci95": (-0.1, 0.02)}
SAME = f"{MINUS_SIGN}4.0 ({MINUS_SIGN}10.0 to 2.0)"


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (
            {
                "too_fast": {"difference": -0.05, **KNOWN},
                "attention_checks": {"difference": 0.0, **KNOWN},
            },
            (f"0.0 ({MINUS_SIGN}10.0 to 2.0)", "Attention checks"),
        ),
        ({"too_fast": {"difference": -0.04, **KNOWN}}, (SAME, "–")),
        ({"too_fast": None}, (SAME, "–")),
    ],
)
def test_the_rule_that_changes_a_difference_most_is_named(
    without: dict[str, Any], expected: tuple[str, str]
) -> None:
    pair = {"a": "l2", "b": "mcl", "difference": -0.04, **KNOWN, "without_exclusions": None}
    steps = [{"step": "answered and not voided", "trials": 9}, {"step": "finished", "trials": 8}]
    exclusions = {"by_reason": {"too_fast": 1}, "flow": steps}
    report = {"exclusions": exclusions, "differences": [pair | {"without_a_rule": without}]}
    (row,) = tabulate_differences_under_other_rules(report).rows
    assert row == (f"L2 {MINUS_SIGN} MCL", f"{MINUS_SIGN}4.0", *expected, "–")
