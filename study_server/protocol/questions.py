"""A study's own questions to its participants, before the first trial or after the last."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from study_server.field_types import FROM_TEXT, IN_EVERY_LANGUAGE, LIST_IN_EVERY_LANGUAGE
from study_server.vocabulary import QuestionPage, QuestionType

MAX_QUESTIONS = 30
MAX_TEXT_QUESTIONS = 5  # more long answers could exceed the size limit of a request
NonEmptyText = Annotated[str, Field(min_length=1, max_length=500)]
Option = Annotated[str, Field(min_length=1, max_length=200)]


class Question(BaseModel):
    """A question with options to choose from, for a number, or for a text.

    text, options: in all languages or per language. required: whether the page can only be left
    with an answer, which may be "Prefer not to say".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    text: Annotated[Mapping[str, NonEmptyText], IN_EVERY_LANGUAGE]
    kind: Annotated[QuestionType, FROM_TEXT]
    options: Annotated[Mapping[str, tuple[Option, ...]], LIST_IN_EVERY_LANGUAGE] = {}
    required: bool = False
    when: Annotated[QuestionPage, FROM_TEXT]

    @model_validator(mode="after")
    def _require_options(self) -> "Question":
        if self.kind is not QuestionType.CHOICE and any(self.options.values()):
            raise ValueError(
                f"question {self.name!r}: options are for kind = 'choice', not "
                f"{self.kind.value!r}; remove them"
            )
        if self.kind is QuestionType.CHOICE:
            self._check_options()
        return self

    def _check_options(self) -> None:
        if not self.options or any(len(own) < 2 for own in self.options.values()):
            raise ValueError(f"question {self.name!r} needs at least two options; list them")
        if len({len(own) for own in self.options.values()}) > 1:
            raise ValueError(
                f"question {self.name!r} has more options in one language than in another; give as "
                "many in each"
            )
        for language, own in self.options.items():
            if len(set(own)) < len(own):
                raise ValueError(
                    f"question {self.name!r} lists an option twice ({language}); list each once"
                )

    def text_in(self, language: str, fallback: str) -> str:
        """Return the question in a language, or else in the fallback."""
        return self.text.get(language) or self.text[fallback]

    def options_in(self, language: str, fallback: str) -> tuple[str, ...]:
        """Return the options in a language, or else in the fallback."""
        return self.options.get(language) or self.options.get(fallback, ())


def find_question_contradictions(
    questions: Sequence[Question], languages: Sequence[str]
) -> list[str]:
    """Return the contradictions between the questions, and the texts that a language lacks."""
    names = [question.name for question in questions]
    contradictions = [
        f"two questions are named {name!r}; rename one of them"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if sum(question.kind is QuestionType.TEXT for question in questions) > MAX_TEXT_QUESTIONS:
        contradictions.append(
            f"more than {MAX_TEXT_QUESTIONS} questions have kind = 'text'; remove some of them"
        )
    for question in questions:
        for language in languages:
            if language not in question.text:
                contradictions.append(
                    f"question {question.name!r} has no text in {language}; add it"
                )
            if question.kind is QuestionType.CHOICE and language not in question.options:
                contradictions.append(
                    f"question {question.name!r} has no options in {language}; add them"
                )
    return contradictions
