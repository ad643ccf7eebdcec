"""Checks of a text that a researcher has edited; each problem has its line and its remedy."""

import re
from collections.abc import Iterator

from study_server.protocol.model import Protocol
from study_server.vocabulary import WordingPart
from study_server.wording.defaults import (
    HEAD_TEMPLATE,
    SETTING_TAGS,
    apply_conditions,
    find_unknown_tags,
    format_head,
)
from study_server.wording.markdown import TextProblem, find_problems, read_title
from study_server.wording.placeholders import PLACEHOLDER_PATTERN, placeholder_values

# characters
MAX_LENGTHS = {part: 200 if part is WordingPart.QUESTION else 20_000 for part in WordingPart}
COMMENT_PATTERN = re.compile(r"<!--.*?-->", re.DOTALL)
HEAD_PATTERN = re.compile(re.escape(HEAD_TEMPLATE).replace(r"\{\}", "[^>]*"))
UNFILLED_PATTERN = re.compile(r"\[\.\.\.[^\]]*\]")


def strip_comments(text: str) -> str:
    """Remove the comments and keep every other line at its number."""
    return COMMENT_PATTERN.sub(lambda comment: "\n" * comment[0].count("\n"), text)


def find_unfilled_places(text: str) -> list[TextProblem]:
    """Return the places, such as `[... e-mail address]`, that only the researcher can fill in."""
    return [
        TextProblem(_line_number(text, match.start()), match[0])
        for match in UNFILLED_PATTERN.finditer(text)
    ]


def check_text(
    language: str, part: WordingPart, text: str, protocol: Protocol
) -> Iterator[TextProblem]:
    """Yield every problem of a text as it stands in its file."""
    yield from _check_head(language, part, text, protocol)
    for line, tag in find_unknown_tags(strip_comments(text)):
        known = ", ".join(SETTING_TAGS)
        yield TextProblem(line, f"unknown condition {tag!r}; known: {known}")
    content = strip_comments(apply_conditions(text, protocol))
    if not content.strip():
        yield TextProblem(1, "empty; write the text, or remove the file and run `study wording`")
        return
    if len(content) > MAX_LENGTHS[part]:
        limit_text = f"the limit is {MAX_LENGTHS[part]:,}"
        yield TextProblem(1, f"{len(content):,} characters; {limit_text}; shorten the text")
    yield from _check_placeholders(language, part, content, protocol)
    yield from _CHECKS[part](content)


def _check_head(
    language: str, part: WordingPart, text: str, protocol: Protocol
) -> Iterator[TextProblem]:
    head, expected_head = HEAD_PATTERN.search(text), format_head(language, part, protocol)
    if head is not None and head[0] != expected_head:
        adapt = f"adapt the text, then change this line to `{expected_head.strip()}`"
        remedy = f"{adapt}, or remove the file and run `study wording`"
        message = f"this text was written for a different protocol; {remedy}"
        yield TextProblem(_line_number(text, head.start()), message)


def _check_placeholders(
    language: str, part: WordingPart, text: str, protocol: Protocol
) -> Iterator[TextProblem]:
    values = placeholder_values(protocol, language)
    known = ", ".join(f"{{{name}}}" for name in values)
    for match in PLACEHOLDER_PATTERN.finditer(text):
        line, name = _line_number(text, match.start()), match[1]
        if name not in values:
            yield TextProblem(line, f"unknown placeholder {match[0]}; known: {known}")
        elif not values[name]:
            remedy = "remove it, or change study.toml"
            yield TextProblem(line, f"{match[0]} is not set in study.toml; {remedy}")
    if part is WordingPart.CONSENT and values["time_limit"] and "{time_limit}" not in text:
        problem = "study.toml sets a time limit that this text does not mention"
        yield TextProblem(1, f"{problem}; add {{time_limit}}")
    if (
        part is WordingPart.CONSENT
        and values["link_parameters"]
        and "{link_parameters}" not in text
    ):
        problem = "study.toml stores parameters of the link, which this text does not mention"
        yield TextProblem(1, f"{problem}; say so with {{link_parameters}}")
    if part is WordingPart.CONSENT and values["other_studies"] and "{other_studies}" not in text:
        problem = "study.toml links this study with others, which this text does not mention"
        yield TextProblem(1, f"{problem}; say so with {{other_studies}}")


def _check_question(text: str) -> Iterator[TextProblem]:
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > 1:
        yield TextProblem(lines[1], "the question must be a single line; remove this one")


def _check_consent(text: str) -> Iterator[TextProblem]:
    try:
        read_title(text)
    except ValueError:
        message = "the first line must be the title of the study, such as `# {title}`"
        yield TextProblem(1, message)
    else:
        yield from find_problems(text, allow_title=True)


_CHECKS = {
    WordingPart.CONSENT: _check_consent,
    WordingPart.INSTRUCTIONS: find_problems,
    WordingPart.QUESTION: _check_question,
    WordingPart.DEBRIEF: find_problems,
}


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
