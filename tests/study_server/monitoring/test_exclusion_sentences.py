"""Why a participant would be excluded, with the numbers."""

from dataclasses import replace
from typing import Any

import pytest

from study_server.monitoring.exclusion_sentences import explain_exclusions
from study_server.studies.exclusion_counts import REASON_TEXTS
from tests.study_server.studies.test_exclusion_counts import GOOD, PLANNED


@pytest.mark.parametrize(
    ("reason", "changes", "sentence"),
    [
        ("too_fast", {"fast_answers": 13}, "13 of 50 answers took less than 200 ms; at most 25%"),
        ("side_bias", {"left_answers": 46}, "46 of 50 answers chose the same side; at most 90%"),
        ("alternation", {"alternations": 48}, "48 of 49 answers differ from the one before; "),
        ("timing", {"disturbed_trials": 26}, "26 of 50 answers were given in disturbed trials; "),
        (
            "attention_checks",
            {"attention_checks_correct": 7},
            "7 of 10 attention checks were answered correctly; at least 8 must be.",
        ),
        (
            "incomplete",
            {"completed_trials": 44},
            "44 of 50 planned trials were answered; at least 90% must be.",
        ),
    ],
)
def test_the_sentence_has_the_numbers_and_the_limit(
    reason: str, changes: dict[str, Any], sentence: str
) -> None:
    person = replace(GOOD, reasons=(reason,), **changes)
    (explained,) = explain_exclusions(person, PLANNED)
    assert explained.startswith(sentence)


def test_every_rule_has_a_sentence() -> None:
    person = replace(GOOD, reasons=tuple(REASON_TEXTS))
    assert len(set(explain_exclusions(person, PLANNED))) == len(REASON_TEXTS)
    assert explain_exclusions(GOOD, PLANNED) == []
