"""Valid and invalid answers to a study's own questions."""

import pytest

from study_server.protocol.questions import Question
from study_server.questionnaire.answers import (
    MAX_TEXT_ANSWER,
    MISSING,
    NOT_A_NUMBER,
    TOO_LONG,
    UNKNOWN,
    GivenAnswer,
    InvalidAnswersError,
    check_answers,
)
from tests.study_server.asking import AGE, HOW, SEEN, YEARS

QUESTIONS = {one["name"]: Question.model_validate(one) for one in (AGE, YEARS, SEEN, HOW)}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("age", 1, "35 oder älter"),  # in the study's first language
        ("years", 3, "3"),
        ("years", 2.50, "2.5"),
        ("years", -0.0, "0"),
        ("years", 1 / 3, "0.333"),
        ("years", 1_000_000_000, "1000000000"),
        ("how", "  By the sky\r\nand the grass ", "By the sky\nand the grass"),
        ("how", "x" * MAX_TEXT_ANSWER, "x" * MAX_TEXT_ANSWER),
        ("age", None, None),
        ("how", None, None),
    ],
)
def test_a_valid_answer_is_stored_in_one_form(
    name: str, given: GivenAnswer, value: str | None
) -> None:
    (answer,) = check_answers([QUESTIONS[name]], {name: given}, "de")
    assert (answer.question.name, answer.value) == (name, value)


@pytest.mark.parametrize("given", [{}, {"how": ""}, {"how": " \n"}])
def test_an_optional_question_can_be_left_blank(given: dict[str, GivenAnswer]) -> None:
    assert check_answers([QUESTIONS["how"]], given, "en") == []


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("age", "", MISSING),
        ("age", 2, MISSING),
        ("age", -1, MISSING),
        ("age", 0.5, MISSING),
        ("age", "18 to 34", MISSING),
        ("years", " ", MISSING),
        ("years", "many", NOT_A_NUMBER),
        ("years", float("nan"), NOT_A_NUMBER),
        ("years", float("inf"), NOT_A_NUMBER),
        ("years", 10**400, NOT_A_NUMBER),
        ("how", 3, MISSING),
        ("how", "x" * (MAX_TEXT_ANSWER + 1), TOO_LONG),
    ],
)
def test_an_invalid_answer_is_refused_by_name(name: str, given: GivenAnswer, problem: str) -> None:
    with pytest.raises(InvalidAnswersError) as refused:
        check_answers([QUESTIONS[name]], {name: given}, "en")
    assert refused.value.problems == {name: problem}


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidAnswersError) as refused:
        check_answers([QUESTIONS["age"], QUESTIONS["years"]], {"years": "x", "how": "y"}, "en")
    assert refused.value.problems == {"how": UNKNOWN, "age": MISSING, "years": NOT_A_NUMBER}
