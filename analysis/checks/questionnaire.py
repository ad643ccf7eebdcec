"""Summarize the answers to a study's own questions. Free text is never part of a report."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.inputs.design import Design
from analysis.inputs.questionnaire import QuestionAnswers, Questionnaire


@dataclass(frozen=True)
class OptionCount:
    """The number of participants who chose an option."""

    option: str
    participants: int


@dataclass(frozen=True)
class QuestionSummary:
    """A summary of the answers to a choice or a number.

    answered, declined, blank: numbers of participants who answered, who preferred not to say, and
    who left the question blank or did not get to it. options: of a choice, else None. minimum,
    median, maximum: of a number that anybody answered, else None.
    """

    name: str
    type: str
    answered: int
    declined: int
    blank: int
    options: list[OptionCount] | None
    minimum: float | None
    median: float | None
    maximum: float | None


def summarize_questionnaire(
    questionnaire: Questionnaire, participants: Collection[str], design: Design | None
) -> list[QuestionSummary]:
    """Summarize the answers of these participants to every question except those for a text.

    design: it lists the options of a choice, in their order and including those that nobody chose;
    without it, options are in alphabetical order.
    """
    planned = _list_planned_options(design) if design else {}
    return [
        _summarize(name, answers, participants, planned.get(name, ()))
        for name, answers in questionnaire.items()
        if answers.type != "text"
    ]


def _summarize(
    name: str, answers: QuestionAnswers, participants: Collection[str], options: Sequence[str]
) -> QuestionSummary:
    values = [answers.values[one] for one in participants if one in answers.values]
    given = [value for value in values if value]
    numbers = [float(value) for value in given] if answers.type == "number" else []
    return QuestionSummary(
        name=name,
        type=answers.type,
        answered=len(given),
        declined=len(values) - len(given),
        blank=len(participants) - len(values),
        options=_count_options(given, options) if answers.type == "choice" else None,
        minimum=min(numbers, default=None),
        median=median(numbers) if numbers else None,
        maximum=max(numbers, default=None),
    )


def _count_options(given: Sequence[str], options: Sequence[str]) -> list[OptionCount]:
    counts = Counter(given)
    return [
        OptionCount(option, counts[option]) for option in dict.fromkeys((*options, *sorted(counts)))
    ]


def _list_planned_options(design: Design) -> Mapping[str, Sequence[str]]:
    """Return the options by question, in the first language of the study, as answers name them."""
    languages = design.protocol.get("languages") or [""]
    return {
        question["name"]: question["options"].get(languages[0], ())
        for question in design.protocol.get("questions", ())
    }
