"""The answers to a study's own questions, from questionnaire.csv or `questionnaire_export`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.inputs.companion_tables import CompanionTable, check_cells, is_number
from analysis.inputs.responses import MODES, HasDistinct, ResponsesError

QUESTIONNAIRE_COLUMNS = ("study", "participant", "mode", "name", "type", "value")
QUESTIONNAIRE = CompanionTable("questionnaire.csv", "questionnaire_export", QUESTIONNAIRE_COLUMNS)
ANSWER_TYPES = ("choice", "number", "text")
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class QuestionAnswers:
    """The answers to one question.

    type: choice, number or text. values: by participant; empty if the participant preferred not to
    say. Participants who left an optional question blank are missing.
    """

    type: str
    values: Mapping[str, str]

    def given(self) -> dict[str, str]:
        """Return the answers by participant, without those who preferred not to say."""
        return {participant: value for participant, value in self.values.items() if value}

    def numbers(self) -> dict[str, float]:
        """Return the answers of a question of the type `number`, by participant."""
        return {participant: float(value) for participant, value in self.given().items()}


Questionnaire = Mapping[str, QuestionAnswers]  # by name of the question


def read_questionnaire(source: str, selected: HasDistinct) -> dict[str, QuestionAnswers]:
    """Read the answers of the participants of the selected responses.

    source: the file of the responses, beside which questionnaire.csv may lie, or the URL of a study
    database. Returns {} without that file. Raises ResponsesError at the first row that contradicts
    the format or another row.
    """
    if not QUESTIONNAIRE.exists_beside(source):
        return {}
    rows, table = QUESTIONNAIRE.read(source), QUESTIONNAIRE.name_in(source)
    studies, participants = selected.distinct("study"), set(selected.distinct("participant"))
    answers: dict[str, dict[str, str]] = {}
    types: dict[str, str] = {}
    for line, row in rows:
        _check_row(f"{table}: {line}", row)
        study, participant, _, name, type_, value = row
        if study not in studies or participant not in participants:  # no trials, or another mode
            continue
        if types.setdefault(name, type_) != type_:
            raise ResponsesError(
                f"{table}: {line}: type is {type_!r}, expected {types[name]!r} as in an earlier "
                f"row of {name}; export the study again"
            )
        if participant in answers.setdefault(name, {}):
            raise ResponsesError(
                f"{table}: {line}: participant {participant} has another row for {name}; do not "
                "combine overlapping exports; export the study again"
            )
        answers[name][participant] = value
    return {name: QuestionAnswers(types[name], answers[name]) for name in sorted(answers)}


def _check_row(place: str, row: Sequence[str]) -> None:
    """Raise ResponsesError unless the format allows every value of the row."""
    study, participant, mode, name, type_, value = row
    check_cells(
        place,
        (
            ("study", study, study != "", "a value"),
            ("participant", participant, participant != "", "a value"),
            ("mode", mode, mode in MODES, " or ".join(MODES)),
            ("name", name, NAME_PATTERN.fullmatch(name), "the name of a question"),
            ("type", type_, type_ in ANSWER_TYPES, " or ".join(ANSWER_TYPES)),
            (
                "value", value, value == "" or type_ != "number" or is_number(value),
                "a number or empty",
            ),
        ),
    )  # fmt: skip
