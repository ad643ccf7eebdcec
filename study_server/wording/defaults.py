"""The texts that a new study begins with: what is true of its protocol, in every language.

A line `?word word: text` of a default stands only in studies of which all the words are true.
"""

import re
from pathlib import Path

from study_server.protocol import Protocol
from study_server.words import Part

FOLDER = Path(__file__).parent
CONDITION = re.compile(r"\?([a-z -]+): ")
HEAD = "<!-- For a study that is: {}. -->\n"


def describe(protocol: Protocol) -> set[str]:
    """The words that a default may ask for."""
    return {
        protocol.presentation,
        protocol.stimuli,
        "paired" if protocol.paired else "unpaired",
        f"asks-{protocol.question}",
        "single" if protocol.single else "pairs",
        "timed" if all(protocol.exposures_ms) else "untimed",
        *_there("eyes", protocol.color_vision != "unasked"),
        *_there("tint", protocol.night_light != "unasked"),
        *_there("plates", protocol.plates),
        *_there("practice", protocol.practice),
        *_there("vigilance", protocol.vigilance),
        *_there("limit", protocol.time_limit_minutes),
        *_there("qualification", protocol.qualification),
    }


def _there(word: str, count: int) -> set[str]:
    return {word if count else f"no-{word}"}


def compose(language: str, part: Part, protocol: Protocol) -> str:
    """The default text of a part, headed by what must stay true of the study."""
    lines = _read(language, part).splitlines()
    told = describe(protocol)
    kept = [_text(line) for line in lines if told.issuperset(_words(line))]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept))
    return f"{head(language, part, protocol)}{text}\n"


def head(language: str, part: Part, protocol: Protocol) -> str:
    """The comment by which `study import` sees that a text was written for another protocol."""
    asked = {word for line in _read(language, part).splitlines() for word in _words(line)}
    return HEAD.format(" ".join(sorted(asked & describe(protocol))))


def _read(language: str, part: Part) -> str:
    return (FOLDER / language / f"{part}.md").read_text(encoding="utf-8")


def _words(line: str) -> list[str]:
    condition = CONDITION.match(line)
    return condition[1].split() if condition else []


def _text(line: str) -> str:
    return CONDITION.sub("", line, count=1)
