"""Default texts of a new study, composed for its protocol in every language.

A line `?tag tag: text` is shown only if every tag applies to the protocol. Tags of what the study
shows and asks are resolved when a text is written. Tags of its other settings stay in the file, so
that the wording of a line survives when its setting is changed and changed back.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from study_server.protocol.model import Protocol
from study_server.vocabulary import WordingPart

DEFAULTS_FOLDER = Path(__file__).parent
CONDITION_PATTERN = re.compile(r"\?([a-z -]+): ")
HEAD_TEMPLATE = "<!-- Written for a protocol with these properties: {}. -->\n"
CONDITIONS_COMMENT = (
    "<!-- A line that begins with a condition, such as `?practice: `, is shown only in studies "
    "that meet it. -->\n"
)


def fixed_tags(protocol: Protocol) -> set[str]:
    """Return the tags of what the study shows and asks, for which a text is written."""
    if not protocol.has_truth:
        return {
            "no-truth",
            protocol.task.replace("_", "-"),
            _presence_tag("ties", protocol.ties),
            _presence_tag("reference", bool(protocol.reference)),
        }
    return {
        "truth",
        protocol.presentation,
        protocol.stimuli,
        "paired" if protocol.paired else "unpaired",
        f"asks-{protocol.question}",
        "single" if protocol.is_single else "pairs",
    }


def setting_tags(protocol: Protocol) -> set[str]:
    """Return the tags of the other settings, whose conditions stay in the text."""
    return {
        "timed" if all(protocol.exposures_ms) else "untimed",
        "computer" if protocol.device == "computer" else "any-device",
        _presence_tag("normal-vision", protocol.color_vision == "required"),
        _presence_tag("eyes", protocol.color_vision != "unasked"),
        _presence_tag("tint", protocol.night_light != "unasked"),
        _presence_tag("plates", protocol.plates),
        _presence_tag("practice", protocol.practice),
        _presence_tag("staircase", protocol.staircase is not None),
        _presence_tag("attention-checks", protocol.attention_checks),
        _presence_tag("masks", protocol.masks),
        _presence_tag("linked", protocol.linked),
        _presence_tag("limit", protocol.time_limit_minutes),
        _presence_tag("qualification", protocol.qualification),
        _presence_tag("questions", len(protocol.questions)),
        _presence_tag("link-parameters", len(protocol.link_parameters)),
    }


def _presence_tag(tag: str, count: int) -> str:
    return tag if count else f"no-{tag}"


PRESENCE_TAGS = (
    "normal-vision", "eyes", "tint", "plates", "practice", "staircase", "attention-checks", "masks",
    "linked", "limit", "qualification", "questions", "link-parameters",
)  # fmt: skip
SETTING_TAGS = (
    *("timed", "untimed", "computer", "any-device"),
    *(name for tag in PRESENCE_TAGS for name in (tag, f"no-{tag}")),
)


def compose_default(language: str, part: WordingPart, protocol: Protocol) -> str:
    """Compose the default text of a part, with a first line that says which studies it fits.

    Conditions on settings stay in it: `apply_conditions` resolves them.
    """
    lines, tags = _read(language, part).splitlines(), fixed_tags(protocol)
    kept_lines = [
        _write_line(line)
        for line in lines
        if tags.issuperset(tag for tag in _condition_tags(line) if tag not in SETTING_TAGS)
    ]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept_lines))
    explained = CONDITIONS_COMMENT if any(map(_condition_tags, text.splitlines())) else ""
    return f"{format_head(language, part, protocol)}{explained}{text}\n"


def _write_line(line: str) -> str:
    """Return a line of a default with its conditions on settings only."""
    kept = " ".join(tag for tag in _condition_tags(line) if tag in SETTING_TAGS)
    text = CONDITION_PATTERN.sub("", line, count=1)
    return f"?{kept}: {text}" if kept else text


def apply_conditions(text: str, protocol: Protocol) -> str:
    """Return the lines that apply to a protocol, without their conditions.

    A line that does not apply becomes empty, so that all others keep their numbers.
    """
    tags = setting_tags(protocol)
    return "\n".join(
        CONDITION_PATTERN.sub("", line, count=1) if tags.issuperset(_condition_tags(line)) else ""
        for line in text.split("\n")
    )


def remove_dropped_lines(text: str, protocol: Protocol) -> str:
    """Return `apply_conditions` without the lines that do not apply, which would split lists."""
    tags = setting_tags(protocol)
    kept = [line for line in text.split("\n") if tags.issuperset(_condition_tags(line))]
    lines = (CONDITION_PATTERN.sub("", line, count=1) for line in kept)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def find_unknown_tags(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line, from 1, and the name of each tag that no protocol has."""
    for number, line in enumerate(text.split("\n"), start=1):
        for tag in _condition_tags(line):
            if tag not in SETTING_TAGS:
                yield number, tag


def format_head(language: str, part: WordingPart, protocol: Protocol) -> str:
    """Format the comment by which `study import` recognizes a text for another protocol."""
    lines = _read(language, part).splitlines()
    used_tags = {tag for line in lines for tag in _condition_tags(line)}
    return HEAD_TEMPLATE.format(" ".join(sorted(used_tags & fixed_tags(protocol))))


def _read(language: str, part: WordingPart) -> str:
    return (DEFAULTS_FOLDER / language / f"{part}.md").read_text(encoding="utf-8")


def _condition_tags(line: str) -> list[str]:
    condition = CONDITION_PATTERN.match(line)
    return condition[1].split() if condition else []
