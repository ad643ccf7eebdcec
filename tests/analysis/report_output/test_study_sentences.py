"""The sentences on the sample, its exclusions and the design agree with their numbers."""

from typing import Any

import pytest

from analysis.report_output import study_sentences
from tests.analysis.report_output.test_sentences import make_difference, make_rate, plain


def make_exclusions(**changes: Any) -> dict[str, Any]:
    people = [{"excluded": excluded} for excluded in (True, True, True, False)]
    return {
        "flow": [
            {"step": "answered and not voided", "participants": 4, "trials": 1600},
            {"step": "finished", "participants": 1, "trials": 1440},
        ],
        "by_reason": {"incomplete": 3, "too_fast": 1},
        "participants": people,
        "leave_one_rule_out": {"too_fast": {"mcl": {"rate": 0.327}}},
    } | changes


def test_excluded_participants_are_listed_by_reason_and_counted_once() -> None:
    report = {"input": {"mode": "simulated", "single": False}, "exclusions": make_exclusions()}
    assert study_sentences.format_sample_sentence(report) == (
        "1 simulated participant answered 1,440 test trials, each with a photograph and a fake. 3"
        " more participants were excluded: 3 did not finish and 1 answered too fast; some for more"
        " than one reason."
    )


def test_the_largest_change_by_dropping_a_rule_is_given() -> None:
    report = {"methods": {"mcl": make_rate()}, "differences": (), "exclusions": make_exclusions()}
    assert plain(study_sentences.format_robustness_sentence(report)) == (
        "Without any exclusions, the rates would be MCL 33.0%. Dropping any single exclusion rule"
        " changes no rate by more than 1.5 points."
    )
    untouched = make_exclusions()
    untouched["flow"][-1]["trials"] = 1600
    assert study_sentences.format_robustness_sentence({**report, "exclusions": untouched}) == ""


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (0.03, "None of these choices changes which differences are significant."),
        (
            0.06,
            "However, without the rule “too many fast answers”, the difference between L2 and MCL"
            " is not significant.",
        ),
    ],
)
def test_a_result_that_depends_on_one_rule_is_named(without: float, expected: str) -> None:
    other = {"difference": -0.07, "ci95": (-0.13, -0.01)}
    pair = make_difference(
        without_exclusions=other | {"p_holm": 0.02},
        without_a_rule={"incomplete": None, "too_fast": other | {"p_holm": without}},
    )
    report = {"methods": {"mcl": make_rate()}, "differences": [pair]}
    assert study_sentences.format_robustness_sentence(
        report | {"exclusions": make_exclusions()}
    ).endswith(expected)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("match", "matches its frozen design"), ("deviations", "1 deviation, listed below")],
)
def test_the_comparison_with_the_design_is_summarized(verdict: str, expected: str) -> None:
    design = {"verdict": verdict, "sha256": "a" * 64, "deviations": [{}]}
    design["unchecked"] = ("hypotheses", "wording")
    sentence = study_sentences.format_design_sentence({"design": design})
    assert "The responses cannot show its hypotheses and wording." in sentence
    assert expected in sentence


def test_a_participant_without_usable_trials_is_neither_counted_nor_excluded() -> None:
    people = [{"excluded": False}] * 3
    steps = [{"participants": 2, "trials": 8}]
    exclusions = {"flow": steps, "by_reason": {}, "participants": people}
    report = {"input": {"mode": "live", "single": True}, "exclusions": exclusions}
    assert study_sentences.format_sample_sentence(report) == (
        "2 participants classified 8 images, one at a time; no participant was excluded. 1"
        " participant was not excluded but had no usable test trial."
    )


def test_if_all_are_excluded_none_is_one_more() -> None:
    exclusions = make_exclusions(participants=[{"excluded": True}] * 3)
    exclusions["flow"][-1] = {"participants": 0, "trials": 0}
    report = {"input": {"mode": "live", "single": False}, "exclusions": exclusions}
    assert study_sentences.format_sample_sentence(report).startswith(
        "No included participant answered a test trial. 3 participants were excluded: 3 did not"
    )
