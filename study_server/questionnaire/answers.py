"""Check the answers to a study's own questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from study_server.languages import N_
from study_server.protocol.questions import Question
from study_server.vocabulary import QuestionType

MAX_TEXT_ANSWER = 1000  # characters
MAX_NUMBER = 1_000_000_000  # in absolute value
DECIMALS = 3  # numbers are stored with at most this many
# The 0-based index of an option, a number, or a text; None: the participant prefers not to say.
GivenAnswer = int | float | str | None

MISSING = N_("Please answer this question.")
NOT_A_NUMBER = N_("Please enter a number.")
TOO_LONG = N_("This answer is too long. Please shorten it.")
UNKNOWN = N_("There is no such question on this page.")


@dataclass(frozen=True)
class CheckedAnswer:
    """A valid answer, as it is stored.

    value: the option in the first language of the study, the number or the text; None if the
    participant prefers not to say.
    """

    question: Question
    value: str | None


class InvalidAnswersError(ValueError):
    """Answers that cannot be stored. problems: by the name of the question, to be translated."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def check_answers(
    questions: Sequence[Question], given: Mapping[str, GivenAnswer], first_language: str
) -> list[CheckedAnswer]:
    """Return the valid answers, without questions that were left blank.

    given: the answers by the name of the question. Raises InvalidAnswersError.
    """
    checked: list[CheckedAnswer] = []
    problems = dict.fromkeys(given.keys() - {question.name for question in questions}, UNKNOWN)
    for question in questions:
        answer = given.get(question.name, "")
        if isinstance(answer, str):
            answer = answer.strip()
        try:
            if answer != "":
                value = None if answer is None else _to_value(question, answer, first_language)
                checked.append(CheckedAnswer(question, value))
            elif question.required:
                problems[question.name] = MISSING
        except ValueError as error:
            problems[question.name] = str(error)
    if problems:
        raise InvalidAnswersError(problems)
    return checked


def _to_value(question: Question, answer: float | str, first_language: str) -> str:
    """Return the answer as it is stored; raise ValueError with the text of the problem."""
    if question.kind is QuestionType.TEXT:
        return _check_text(answer)
    if question.kind is QuestionType.NUMBER:
        return _format_number(answer)
    options = question.options_in(first_language, first_language)
    if not isinstance(answer, int) or not 0 <= answer < len(options):
        raise ValueError(MISSING)
    return options[answer]


def _check_text(answer: float | str) -> str:
    if not isinstance(answer, str):
        raise ValueError(MISSING)
    text = answer.replace("\r\n", "\n")  # a browser sends both, but counts one character
    if len(text) > MAX_TEXT_ANSWER:
        raise ValueError(TOO_LONG)
    return text


def _format_number(answer: float | str) -> str:
    """Format a number without trailing zeros, so that equal numbers are stored alike."""
    if (
        isinstance(answer, str) or not abs(answer) <= MAX_NUMBER
    ):  # `not <=`, because every comparison with NaN is false
        raise ValueError(NOT_A_NUMBER)
    return f"{round(answer, DECIMALS) + 0.0:.{DECIMALS}f}".rstrip("0").rstrip(".")
