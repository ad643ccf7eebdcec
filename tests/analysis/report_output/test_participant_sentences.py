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
            "Of 60 attention checks, 93% were answered correctly. 1 participant failed too many but"
            " was kept: there were too few attention checks to exclude anyone.",
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
