"""Tests of how an answer names a candidate."""

from pathlib import Path

import pytest

from analysis.conversion.notes import Notes
from analysis.conversion.records import Record, Records
from analysis.conversion.slots import is_tie, read_slots
from tests.analysis.conversion.conversions import (
    VOTE,
    VOTE_MAP,
    change,
    convert_rows,
    make_refusal_test,
    read_judgments,
)


@pytest.mark.parametrize(
    "answers",
    [
        ("left", "right"),
        ("1", "2"),
        ("0", "1"),
        ("a", "b"),
        ("mcl", "sdxl"),
        ("Image A", "Image B"),
    ],
)
def test_a_candidate_is_named_by_place_number_letter_or_method(
    answers: tuple[str, str], tmp_path: Path
) -> None:
    rows = [VOTE[0] | {"won": answers[0]}, VOTE[1] | {"won": answers[1]}]
    convert_rows(tmp_path, rows, *VOTE_MAP)
    assert [row[4] for row in read_judgments(tmp_path)] == ["1", "2", "2", "1"]


def test_an_answer_may_name_a_column_or_be_a_tie_or_missing() -> None:
    values = [{"answer": "model_b"}, {"answer": "Both bad"}, {}]
    records = Records(
        "votes.csv",
        [Record("", one, ()) for one in values],
        {"method1": "model_a", "method2": "model_b"},
        knows_trial=False,
        is_wide=False,
    )
    notes = Notes()
    said = read_slots(["answer"], records, [["l2", "mcl"]] * 3, notes)
    assert said == [{"answer": 1}, {"answer": None}, {}]
    assert notes.understood["answer"] == ("names the candidate by its column; a tie is 'Both bad'")


def test_words_for_ties() -> None:
    assert is_tie("Tie (bothbad)")
    assert not is_tie("left")


REFUSALS = [
    (change(VOTE, won="sdxl"), VOTE_MAP, "line 2: answer is 'sdxl', but the candidates are"),
    ([row | {"won": "1"} for row in VOTE], VOTE_MAP,
     "by its number from 1 or by its number from 0"),
]  # fmt: skip

test_answers_that_name_no_candidate_or_several_are_refused_in_one_line = make_refusal_test(REFUSALS)
