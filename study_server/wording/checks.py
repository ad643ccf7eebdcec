"""What a text that a researcher edited must keep to, said with the line and the remedy."""

import re
from collections.abc import Iterator

from study_server.protocol import Protocol
from study_server.wording.defaults import HEAD, head
from study_server.wording.markdown import find_faults, read_title
from study_server.wording.placeholders import BLANK, find_blanks
from study_server.words import Part

LONGEST = {part: 200 if part is Part.QUESTION else 20_000 for part in Part}
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
WRITTEN_FOR = re.compile(re.escape(HEAD).replace(r"\{\}", "[^>]*"))
UNFILLED = re.compile(r"\[\.\.\.[^\]]*\]")

Fault = tuple[int, str]  # a line, from 1; what is wrong and what to do


def strip_comments(text: str) -> str:
    """What stays to be read, every line where it was."""
    return COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)


def find_unfilled(text: str) -> list[Fault]:
    """The places that only the researcher can fill in."""
    return [(_line(text, found.start()), found[0]) for found in UNFILLED.finditer(text)]


def check(language: str, part: Part, text: str, protocol: Protocol) -> Iterator[Fault]:
    """All that is wrong with a text as it stands in its file."""
    yield from _check_head(language, part, text, protocol)
    read = strip_comments(text)
    if not read.strip():
        yield 1, "nothing to read; write the text, or remove the file and run `study wording`"
        return
    if len(read) > LONGEST[part]:
        most = f"participants read at most {LONGEST[part]:,}"
        yield 1, f"{len(read):,} characters; {most}: shorten it"
    yield from _check_blanks(language, part, read, protocol)
    yield from _CHECKS[part](read)


def _check_head(language: str, part: Part, text: str, protocol: Protocol) -> Iterator[Fault]:
    written, wanted = WRITTEN_FOR.search(text), head(language, part, protocol)
    if written is not None and written[0] != wanted:
        adapt = f"adapt the text, then make this line `{wanted.strip()}`"
        remedy = f"{adapt}, or remove the file and run `study wording`"
        yield _line(text, written.start()), f"written for another protocol; {remedy}"


def _check_blanks(language: str, part: Part, text: str, protocol: Protocol) -> Iterator[Fault]:
    blanks = find_blanks(protocol, language)
    for found in BLANK.finditer(text):
        line, name = _line(text, found.start()), found[1]
        if name not in blanks:
            yield line, f"{found[0]} is unknown; there are {', '.join(f'{{{b}}}' for b in blanks)}"
        elif not blanks[name]:
            yield line, f"{found[0]}, but study.toml has none; take it out, or change study.toml"
    if part is Part.CONSENT and blanks["time_limit"] and "{time_limit}" not in text:
        yield 1, "study.toml sets a time limit that this does not tell; write {time_limit} into it"


def _check_question(text: str) -> Iterator[Fault]:
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > 1:
        yield lines[1], "the question is one line; take this one out"


def _check_consent(text: str) -> Iterator[Fault]:
    try:
        read_title(text)
    except ValueError:
        yield 1, "the first line must be the study's title, such as `# {title}`"
    else:
        yield from find_faults(text, titled=True)


_CHECKS = {
    Part.CONSENT: _check_consent,
    Part.INSTRUCTIONS: find_faults,
    Part.QUESTION: _check_question,
    Part.DEBRIEF: find_faults,
}


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
