"""What is said of how people answered."""

from typing import Any

import pytest

from analysis.report_output import participant_sentences
from tests.analysis.report_output.test_sentences import plain


def make_answers(**changes: Any) -> dict[str, Any]:
    """A report in which nothing of how people answered is known; changes: what is."""
    return {
        "input": {"single": False},
        "side_bias": None,
        "consistency": None,
        "order": {"difference": None},
        "attention_checks": {"rate": None},
        "timing": {"trials": 0},
    } | changes


@pytest.mark.parametrize(
    ("flagged", "told"),
    [
        (0, "60 attention checks were answered, 93 % rightly."),
        (
            1,
            "60 attention checks were answered, 93 % rightly. 1 person missed too many and yet"
            " counted, for so few such trials are no ground to leave anybody out.",
        ),
    ],
)
def test_who_failed_too_few_attention_checks_trials_is_told(flagged: int, told: str) -> None:
    report = make_answers(
        attention_checks={"rate": 0.93, "answers": 60},
        exclusions={"participants": [{"flagged": place < flagged} for place in range(3)]},
    )
    assert [
        plain(sentence) for sentence in participant_sentences.iterate_answer_sentences(report)
    ] == [told]


def test_what_was_shown_twice_is_told_with_its_chance_level() -> None:
    seen = {"repeats": 120, "rate": 0.78, "ci95": (0.70, 0.845), "expected_agreement": 0.58}
    (told,) = participant_sentences.iterate_answer_sentences(make_answers(consistency=seen))
    assert plain(told) == (
        "Of 120 trials shown again 78 % were answered as before (95 % interval 70 to 84); answers"
        " that have nothing to do with each other would agree on 58 %."
    )
