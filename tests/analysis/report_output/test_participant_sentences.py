"""The sentences on response behavior."""

from typing import Any

import pytest

from analysis.report_output import participant_sentences
from tests.analysis.report_output.test_sentences import plain


def make_answers(**changes: Any) -> dict[str, Any]:
    """Make a report without measures of response behavior, except for `changes`."""
    return {
        "input": {"single": False},
        "side_bias": None,
        "consistency": None,
        "order": {"difference": None},
        "attention_checks": {"rate": None},
        "timing": {"trials": 0},
    } | changes


@pytest.mark.parametrize(
    ("flagged", "expected"),
    [
        (0, "Of 60 attention checks, 93% were answered correctly."),
        (
            1,
            "Of 60 attention checks, 93% were answered correctly. 1 participant failed too many,"
            " but there were too few attention checks to exclude anyone for this reason.",
        ),
    ],
)
def test_flagged_participants_are_counted(flagged: int, expected: str) -> None:
    report = make_answers(
        attention_checks={"rate": 0.93, "answers": 60},
        exclusions={"participants": [{"flagged": place < flagged} for place in range(3)]},
    )
    assert [
        plain(sentence) for sentence in participant_sentences.iterate_answer_sentences(report)
    ] == [expected]


def test_agreement_of_repeated_trials_is_given_with_its_chance_level() -> None:
    seen = {"repeats": 120, "rate": 0.78, "ci95": (0.70, 0.845), "expected_agreement": 0.58}
    (sentence,) = participant_sentences.iterate_answer_sentences(make_answers(consistency=seen))
    assert plain(sentence) == (
        "Of 120 repeated trials, 78% were answered the same way as before (95% CI 70 to 84);"
        " unrelated answers would agree on 58% of them."
    )


@pytest.mark.parametrize(
    ("difference", "p", "expected"),
    [
        (-0.02, 0.01, "In the second half of the trials, the fooling rate was lower than in the"
         " first: the difference (second − first half) is −2.0 points"),
        (0.02, 0.01, "In the second half of the trials, the fooling rate was higher than in the"
         " first: the difference (second − first half) is 2.0 points"),
        (0.02, 0.3, "The fooling rate did not change significantly after the first half of the"
         " trials: the difference (second − first half) is 2.0 points"),
        (0.02, None, "A change of the fooling rate from the first half of the trials could not be"
         " tested: the difference (second − first half) is 2.0 points"),
    ],
)  # fmt: skip
def test_the_order_effect_has_the_sign_of_its_interval(
    difference: float, p: float | None, expected: str
) -> None:
    change = {"difference": difference, "p": p, "ci95": (-0.05, 0.04)}
    (sentence,) = participant_sentences.iterate_answer_sentences(
        make_answers(order={"difference": change})
    )
    assert plain(sentence) == f"{expected} (95% CI −5.0 to 4.0)."


def test_a_side_that_everybody_chose_is_not_called_unbiased() -> None:
    bias = {"chose_left": {"rate": 1.0, "ci95": (0.6, 1.0), "p": None}}
    (sentence,) = participant_sentences.iterate_answer_sentences(make_answers(side_bias=bias))
    assert plain(sentence) == (
        "The left image was chosen on 100.0% of trials (95% CI 60.0 to 100.0): not tested,"
        " because all answers were the same."
    )


def test_disturbances_are_of_all_trials_and_never_rounded_away() -> None:
    exposures = [{"shorter_share": 0.0, "longer_share": 0.0002}]
    timing = {"trials": 4000, "disturbed": 0.00025, "exposures": exposures}
    (sentence,) = participant_sentences.iterate_answer_sentences(make_answers(timing=timing))
    assert plain(sentence) == (
        "Of 4,000 test trials and attention checks, 0.03% were disturbed; at most 0.02% of"
        " exposures were off by more than one 60 Hz frame."
    )
