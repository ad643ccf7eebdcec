"""A study's own questions in study.toml."""

from pathlib import Path
from typing import Any

import pytest

from study_server.errors import StudyError
from study_server.protocol.questions import MAX_TEXT_QUESTIONS
from study_server.protocol.study_toml import create_protocol, format_toml, read_protocol
from study_server.vocabulary import QuestionPage
from tests.conftest import short_protocol
from tests.study_server.asking import AGE, HOW, QUESTIONS, SEEN


def test_questions_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    protocol = short_protocol(languages=["en", "de"], questions=QUESTIONS)
    file.write_text(format_toml(protocol), encoding="utf-8")
    assert read_protocol(file) == protocol
    (age, years), (seen, how) = map(protocol.questions_on, QuestionPage)
    assert age.options_in("de", "en") == ("18 bis 34", "35 oder älter")
    assert (years.text_in("de", "en"), seen.options_in("de", "en")) == ("Years?", ("Yes", "No"))
    assert not how.required


def test_questions_take_time() -> None:
    questions = [AGE | {"name": f"age{number}"} for number in range(12)]
    longer = short_protocol(questions=questions).estimated_minutes
    assert longer == short_protocol().estimated_minutes + 2


ONLY_ENGLISH = {"en": "How old are you?"}


@pytest.mark.parametrize(
    ("questions", "problem"),
    [
        ([AGE, AGE], "two questions are named 'age'; rename one of them"),
        ([AGE | {"options": []}], "question 'age' needs at least two options; list them"),
        ([AGE | {"options": ["Yes"]}], "question 'age' needs at least two options; list them"),
        (
            [AGE | {"options": ["", "Yes"]}],
            "questions.0.options.0 = '': String should have at least 1 char",
        ),
        ([AGE | {"options": ["Yes", "Yes"]}], "question 'age' lists an option twice (en)"),
        ([AGE | {"options": {"en": ["a", "b"], "de": ["a", "b", "c"]}}], "has more options in one"),
        ([AGE | {"options": {"en": ["a", "b"]}}], "question 'age' has no options in de; add them"),
        (
            [HOW | {"options": ["a", "b"]}],
            "question 'how': options are for kind = 'choice', not 't",
        ),
        ([AGE | {"text": ONLY_ENGLISH}], "question 'age' has no text in de; add it"),
        ([AGE | {"text": ""}], "at least 1 character"),
        (
            [AGE | {"kind": "date"}],
            "questions.0.kind = 'date': Input should be 'choice', 'number' or",
        ),
        (
            [SEEN | {"when": "during"}],
            "questions.0.when = 'during': Input should be 'before' or 'after'",
        ),
        ([SEEN | {"name": "Seen it"}], "questions.0.name = 'Seen it': String should match pattern"),
        ([{"name": "age"}], "study.toml: questions.0.text: Field required"),
        (
            [HOW | {"name": f"how{number}"} for number in range(MAX_TEXT_QUESTIONS + 1)],
            "more than 5 questions have kind = 'text'; remove some of them",
        ),
    ],
)
def test_a_contradiction_is_refused_in_one_line(
    questions: list[dict[str, Any]], problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "study.toml"
    written = format_toml(create_protocol("mine")).replace('["en"]', '["en", "de"]')
    tables = [
        "\n".join(f"{key} = {_format(value)}" for key, value in question.items())
        for question in questions
    ]
    file.write_text("\n\n[[questions]]\n".join([written, *tables]), encoding="utf-8")
    with pytest.raises(StudyError) as refused:
        read_protocol(file)
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def _format(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_format(one)}' for key, one in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else repr(value)
