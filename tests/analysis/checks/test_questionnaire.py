"""The summary of the answers to a study's own questions."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.checks.questionnaire import OptionCount, summarize_questionnaire
from analysis.inputs.design import Design, Plan
from analysis.inputs.questionnaire import QuestionAnswers
from analysis.report import report
from analysis.report_output.participant_tables import tabulate_choices, tabulate_numbers
from tests.analysis.inputs.test_questionnaire import write_questionnaire
from tests.analysis.tasks.test_reports_of_tasks import write_study

ANSWERS = {
    "age": QuestionAnswers("choice", {"p1": "old", "p2": "young", "p3": "", "p4": "old"}),
    "how": QuestionAnswers("text", {"p1": "By the sky"}),
    "years": QuestionAnswers("number", {"p1": "2.5", "p2": "-1", "p4": "100"}),
}
PROTOCOL = {
    "languages": ["de", "en"],
    "questions": [
        {"name": "age", "options": {"en": ["a", "b", "c"], "de": ["young", "old", "older"]}},
        {"name": "years", "options": {}},
    ],
}


@pytest.mark.parametrize(
    ("design", "options"),
    [
        (None, [OptionCount("old", 1), OptionCount("young", 1)]),
        (
            Design("", "trees", PROTOCOL, Plan()),
            [OptionCount("young", 1), OptionCount("old", 1), OptionCount("older", 0)],
        ),
        (Design("", "trees", {}, Plan()), [OptionCount("old", 1), OptionCount("young", 1)]),
    ],
)
def test_choices_and_numbers_of_the_included_participants_are_counted(
    design: Design | None, options: list[OptionCount]
) -> None:
    age, years = summarize_questionnaire(ANSWERS, ["p1", "p2", "p3", "p5"], design)
    assert (age.name, age.answered, age.declined, age.blank) == ("age", 2, 1, 1)
    assert age.options == options
    assert (years.answered, years.blank, years.options) == (2, 2, None)
    assert (years.minimum, years.median, years.maximum) == (-1, 0.75, 2.5)


def test_a_report_has_choices_and_numbers_but_no_text(tmp_path: Path) -> None:
    source = write_study(tmp_path, "ranking", (3, 2, 1))
    rows = (
        ("p0", "age", "choice", "old"),
        ("p1", "age", "choice", "young <b>"),
        ("p2", "age", "choice", ""),
        ("p0", "years", "number", "2.5"),
        ("p0", "how", "text", "By the sky"),
    )
    write_questionnaire(tmp_path, *(("trees", person, "live", *rest) for person, *rest in rows))
    done = CliRunner().invoke(report, [str(source), "--out", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output
    files = {file.name: file for file in (tmp_path / "report").rglob("*") if file.is_file()}
    assert not any(b"By the sky" in file.read_bytes() for file in files.values())
    assert "young &lt;b&gt;" in files["report.html"].read_text("utf-8")
    numbers = json.loads(files["report.json"].read_text("utf-8"))
    assert tabulate_choices(numbers).rows == [
        ("age", "old", "1", "50.0"),
        ("age", "young <b>", "1", "50.0"),
        ("age", "Prefer not to say", "1", "–"),
        ("age", "No answer", "1", "–"),
    ]
    assert tabulate_numbers(numbers).rows == [("years", "1", "0", "3", "2.50", "2.50", "2.50")]


def test_a_wrong_questionnaire_is_refused_in_one_line(tmp_path: Path) -> None:
    source = write_study(tmp_path, "ranking", (3, 2, 1))
    write_questionnaire(tmp_path, ("trees", "p0", "live", "years", "number", "many"))
    refused = CliRunner().invoke(report, [str(source), "--out", str(tmp_path / "report")])
    assert "questionnaire.csv: line 2: value is 'many', expected a number" in refused.output
    assert refused.output.count("\n") == 1
    assert not (tmp_path / "report").exists()
