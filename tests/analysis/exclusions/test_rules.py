"""Each exclusion rule at its limit, and the reasons why a rule does not apply."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.exclusions.person_measures import (
    ParticipantMeasures,
    find_repeat_participants,
    measure_participants,
)
from analysis.exclusions.rules import apply_rules, attention_check_failures, find_outlying_times
from analysis.inputs.design import ExclusionRules
from analysis.inputs.responses import select_study
from analysis.inputs.sources import read_responses
from analysis.inputs.trial_table import build_trial_table
from tests.analysis.people import TRIALS, make_person
from tests.analysis.rows import Row, make_row, write_csv

UNLINKED = "people cannot be recognized"
PLANNED = ExclusionRules(
    planned_trials=TRIALS, attention_checks_planned=4, attention_checks_min_planned=4
)


def observe(folder: Path, rows: list[Row], fast_ms: float = 200) -> ParticipantMeasures:
    """Return the measures of the participants in these rows, in alphabetical order."""
    recorded = read_responses(str(write_csv(folder / "responses.csv", rows)))
    return measure_participants(build_trial_table(recorded), fast_ms)


def breaks(conduct: ParticipantMeasures, rules: ExclusionRules, rule: str) -> bool | str:
    """Return whether the one participant breaks the rule, or why it does not apply."""
    result = apply_rules(conduct, rules, UNLINKED, is_single=False)[rule]
    return result if isinstance(result, str) else bool(result[0])


def alternate(changes: int) -> str:
    """Return 44 sides, of which the first `changes` differ from the one before."""
    sides = "".join("lr"[at % 2] for at in range(changes + 1))
    return sides + sides[-1] * (TRIALS - len(sides))


@pytest.mark.parametrize(
    ("rule", "changes", "broken"),
    [
        ("incomplete", {"trials": 40}, False),  # 39.6 are needed
        ("incomplete", {"trials": 39}, True),
        ("attention_checks", {"missed": 0}, False),
        ("attention_checks", {"missed": 1}, True),  # four of four, by the rule of eight of ten
        ("attention_checks", {"missed": 4, "trials": 38}, False),  # did not see all four
        ("too_fast", {"rt_ms": dict.fromkeys(range(11), 199)}, False),  # a quarter
        ("too_fast", {"rt_ms": dict.fromkeys(range(12), 199)}, True),
        ("too_fast", {"rt_ms": dict.fromkeys(range(TRIALS), 200)}, False),
        ("side_bias", {"pattern": "l" * 39 + "r" * 5}, False),  # 39 of 44: 0.886
        ("side_bias", {"pattern": "l" * 40 + "r" * 4}, True),
        ("side_bias", {"pattern": "r" * 40 + "l" * 4}, True),
        ("alternation", {"pattern": alternate(40)}, False),  # of 43: 0.930
        ("alternation", {"pattern": alternate(41)}, True),
        ("timing", {"flags": ""}, False),
        ("timing", {"flags": "slow_frame"}, True),
        ("screened_out", {"outcome": "screened_out"}, True),
        ("returned", {"outcome": "returned"}, True),
    ],
)
def test_a_rule_holds_up_to_its_limit(
    tmp_path: Path, rule: str, changes: dict[str, Any], broken: bool
) -> None:
    conduct = observe(tmp_path, make_person("p", **changes))
    assert breaks(conduct, PLANNED, rule) is broken


@pytest.mark.parametrize("rule", ["too_fast", "side_bias", "alternation", "timing"])
def test_a_few_answers_break_no_rule(tmp_path: Path, rule: str) -> None:
    fast = dict.fromkeys(range(TRIALS), 50)
    pattern = "lr" if rule == "alternation" else "l"
    for trials, broken in ((9, False), (10, True)):
        conduct = observe(tmp_path, make_person("p", trials, pattern, rt_ms=fast, flags="late"))
        assert breaks(conduct, PLANNED, rule) is broken


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        (ExclusionRules(min_completed_fraction=None), "incomplete"),
        (ExclusionRules(attention_checks_min_correct=0), "attention_checks"),
        (ExclusionRules(fast_ms=None), "too_fast"),
        (ExclusionRules(max_fast_fraction=None), "too_fast"),
        (ExclusionRules(side_max_fraction=None), "side_bias"),
        (ExclusionRules(alternation_max_fraction=None), "alternation"),
        (ExclusionRules(flagged_max_fraction=None), "timing"),
        (ExclusionRules(allow_repeated=True), "repeated"),
    ],
)
def test_a_rule_that_is_not_in_the_plan_does_not_apply(
    tmp_path: Path, rules: ExclusionRules, rule: str
) -> None:
    conduct = observe(tmp_path, make_person("p", pattern="l", missed=4, flags="late"))
    assert breaks(conduct, rules, rule) == "not part of the plan"


def test_a_rule_without_data_gives_the_reason(tmp_path: Path) -> None:
    untimed = [row | {"rt_ms": ""} for row in make_person("p", attention_checks=())]
    results = apply_rules(observe(tmp_path, untimed), ExclusionRules(), UNLINKED, is_single=True)
    assert {rule: why for rule, why in results.items() if isinstance(why, str)} == {
        "repeated": UNLINKED,
        "attention_checks": "the study has no attention checks",
        "too_fast": "the data have no response times",
        "side_bias": "only pairs of images have sides",
    }
    assert (
        find_outlying_times(np.array([np.nan]), ExclusionRules())
        == "the data have no response times"
    )
    none = ExclusionRules(fast_ms=None, slow_ms=None)
    assert find_outlying_times(np.array([9.0]), none) == "not part of the plan"


def test_too_few_attention_checks_flag_and_do_not_exclude(tmp_path: Path) -> None:
    conduct = observe(tmp_path, make_person("p", missed=3))
    why = (
        "only 4 attention checks were planned; with fewer than 8, failures are flagged but nobody "
        "is excluded"
    )
    assert breaks(conduct, ExclusionRules(), "attention_checks") == why
    assert attention_check_failures(conduct, ExclusionRules()).tolist() == [True]


@pytest.mark.parametrize(
    ("planned", "missed", "fails"),
    [(10, 2, False), (10, 3, True), (8, 1, False), (8, 2, True), (20, 4, False), (20, 5, True)],
)
def test_eight_of_ten_pass(tmp_path: Path, planned: int, missed: int, fails: bool) -> None:
    conduct = observe(tmp_path, make_person("p", attention_checks=range(planned), missed=missed))
    assert breaks(conduct, ExclusionRules(), "attention_checks") is fails


def test_without_a_plan_the_outcome_decides_who_finished(tmp_path: Path) -> None:
    for outcome, incomplete in (("complete", False), ("abandoned", True), ("active", True)):
        conduct = observe(tmp_path, make_person("p", 30, outcome=outcome))
        assert breaks(conduct, ExclusionRules(), "incomplete") is incomplete


@pytest.mark.parametrize("planned", [10, 20, 30, 40])
def test_exactly_nine_tenths_are_enough(tmp_path: Path, planned: int) -> None:
    for trials, incomplete in ((planned * 9 // 10, False), (planned * 9 // 10 - 1, True)):
        conduct = observe(tmp_path, make_person("p", trials))
        assert breaks(conduct, ExclusionRules(planned_trials=planned), "incomplete") is incomplete


def test_alternation_does_not_cross_participants(tmp_path: Path) -> None:
    rows = make_person("p1", 11, pattern="l") + make_person("p2", 11, pattern="rrrrrl")
    conduct = observe(tmp_path, rows)
    assert conduct.alternation_share.tolist() == [0, 2 / 10]
    assert conduct.left_share.tolist() == [1, 1 / 11]


def test_voided_and_unanswered_trials_are_not_answers(tmp_path: Path) -> None:
    rows = make_person("p")
    rows[0] |= {"flags": "voided"}
    rows[1] |= {"answer": ""}
    rows[5] |= {"answer": ""}  # an attention check that timed out was shown
    conduct = observe(tmp_path, rows)
    assert conduct.answered_trials.tolist() == [TRIALS - 3]
    assert (conduct.attention_checks_shown.tolist(), conduct.attention_checks_correct.tolist()) == (
        [4],
        [3],
    )


def test_an_earlier_study_makes_a_repeat_participant(tmp_path: Path) -> None:
    moments = {
        "both": {"trees": "2026-02-01T10:00:00+00:00", "faces": "2026-01-01T10:00:00+00:00"},
        "later": {"trees": "2026-02-01T10:00:00+00:00", "faces": "2026-03-01T10:00:00+00:00"},
        "once": {"trees": "2026-02-01T10:00:00+00:00"},
    }
    rows = [
        make_row(participant=f"{study}-{person}", person=person, study=study, started_at=moment)
        for person, studies in moments.items()
        for study, moment in studies.items()
    ]
    unknown = {"person": "", "started_at": "2026-02-01T10:00:00+00:00"}
    rows += [make_row(participant="x", study=study, **unknown) for study in ("trees", "faces")]
    responses = read_responses(str(write_csv(tmp_path / "r.csv", rows)))
    before = find_repeat_participants(responses, select_study(responses, "trees"))
    assert not isinstance(before, str)
    assert before.tolist() == [True, False, False, False]
    only = select_study(responses, "trees")
    assert "the input contains only this study" in str(find_repeat_participants(only, only))
    same_names = [make_row(study=study) for study in ("trees", "faces")]
    unlinked = read_responses(str(write_csv(tmp_path / "u.csv", same_names)))
    reason = find_repeat_participants(unlinked, select_study(unlinked, "trees"))
    assert "this study is not linked with others" in str(reason)
