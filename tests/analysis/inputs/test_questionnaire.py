"""Answers to a study's own questions, read beside the responses."""

from pathlib import Path

import pytest

from analysis.inputs.questionnaire import QUESTIONNAIRE_COLUMNS, read_questionnaire
from analysis.inputs.responses import Responses, ResponsesError
from analysis.inputs.sources import read_responses
from tests.analysis.rows import make_row, write_csv

AGE = ("trees", "p1", "live", "age", "choice", "25–34")
YEARS = ("trees", "p2", "live", "years", "number", "-2.5")


def write_questionnaire(folder: Path, *rows: tuple[str, ...]) -> Path:
    lines = [",".join(QUESTIONNAIRE_COLUMNS), *(",".join(row) for row in rows)]
    file = folder / "questionnaire.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The path of responses of the participants p1 and p2."""
    rows = [make_row(participant=name) for name in ("p1", "p2")]
    return str(write_csv(tmp_path / "responses.csv", rows))


@pytest.fixture
def responses(source: str) -> Responses:
    return read_responses(source)


def test_answers_are_read_by_question_and_participant(
    source: str, responses: Responses, tmp_path: Path
) -> None:
    write_questionnaire(
        tmp_path,
        YEARS,
        ("trees", "p1", "live", "years", "number", ""),
        AGE,
        ("trees", "p2", "live", "how", "text", '"\'=the sky"'),
        ("trees", "without trials", "live", "age", "choice", "35–44"),
        ("birds", "p1", "live", "age", "choice", "35–44"),
    )
    answers = read_questionnaire(source, responses)
    assert list(answers) == ["age", "how", "years"]
    assert {name: one.type for name, one in answers.items()} == {
        "age": "choice", "how": "text", "years": "number",
    }  # fmt: skip
    assert answers["age"].values == {"p1": "25–34"}
    assert answers["years"].values == {"p1": "", "p2": "-2.5"}
    assert answers["years"].numbers() == {"p2": -2.5}
    assert answers["how"].given() == {"p2": "=the sky"}  # without the guard of the export


def test_responses_without_a_questionnaire_have_no_answers(
    source: str, responses: Responses
) -> None:
    assert read_questionnaire(source, responses) == {}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("trees", "", "live", "age", "choice", "a"), "line 3: participant is '', expected a va"),
        (("trees", "p2", "dead", "age", "choice", "a"), "line 3: mode is 'dead', expected live or"),
        (("trees", "p2", "live", "Age", "choice", "a"), "line 3: name is 'Age', expected the name"),
        (("trees", "p2", "live", "age", "bool", "1"), "line 3: type is 'bool', expected choice or"),
        (("trees", "p2", "live", "age", "number", "1"), "line 3: type is 'number', expected 'choi"),
        (
            ("trees", "p2", "live", "n", "number", "nan"),
            "line 3: value is 'nan', expected a number",
        ),
        (
            ("trees", "p2", "live", "n", "number", "old"),
            "line 3: value is 'old', expected a number",
        ),
        (AGE, "line 3: participant p1 has another row for age"),
        (AGE[:-1], "line 3: 5 values for 6 columns"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_the_rule(
    row: tuple[str, ...], problem: str, source: str, responses: Responses, tmp_path: Path
) -> None:
    write_questionnaire(tmp_path, AGE, row)
    with pytest.raises(ResponsesError, match=f"questionnaire.csv: {problem}"):
        read_questionnaire(source, responses)


def test_other_columns_are_refused(source: str, responses: Responses, tmp_path: Path) -> None:
    file = write_questionnaire(tmp_path, AGE)
    file.write_text(file.read_text("utf-8").replace("type", "kind"), "utf-8")
    with pytest.raises(ResponsesError, match="line 1: the columns must be study,participant,mode"):
        read_questionnaire(source, responses)
