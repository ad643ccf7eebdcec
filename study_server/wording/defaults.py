"""Default texts of a new study, composed for its protocol in every language.

A line `?tag tag: text` of a default is kept only if every tag applies to the protocol.
"""

import re
from pathlib import Path

from study_server.protocol.model import Protocol, task_of
from study_server.vocabulary import WordingPart

DEFAULTS_FOLDER = Path(__file__).parent
CONDITION_PATTERN = re.compile(r"\?([a-z -]+): ")
HEAD_TEMPLATE = "<!-- Written for a protocol with these properties: {}. -->\n"


def protocol_tags(protocol: Protocol) -> set[str]:
    """Return the tags that apply to the protocol, for the conditions in default texts."""
    return _task_tags(protocol) | {
        "timed" if all(protocol.exposures_ms) else "untimed",
        "computer" if protocol.device == "computer" else "any-device",
        _presence_tag("normal-vision", protocol.color_vision == "required"),
        _presence_tag("eyes", protocol.color_vision != "unasked"),
        _presence_tag("tint", protocol.night_light != "unasked"),
        _presence_tag("plates", protocol.plates),
        _presence_tag("attention-checks", protocol.attention_checks),
        _presence_tag("masks", protocol.masks),
        _presence_tag("limit", protocol.time_limit_minutes),
        _presence_tag("qualification", protocol.qualification),
    }


def _task_tags(protocol: Protocol) -> set[str]:
    """Return the tags that say what participants see and are asked."""
    if not task_of(protocol).HAS_TRUTH:
        return {
            "no-truth",
            protocol.task.replace("_", "-"),
            _presence_tag("ties", protocol.ties),
            _presence_tag("reference", bool(protocol.reference)),
            "exercise" if protocol.practice else "no-practice",
        }
    return {
        protocol.presentation,
        protocol.stimuli,
        "paired" if protocol.paired else "unpaired",
        f"asks-{protocol.question}",
        "single" if protocol.is_single else "pairs",
        _presence_tag("practice", protocol.practice),
    }


def _presence_tag(tag: str, count: int) -> str:
    return tag if count else f"no-{tag}"


def compose_default(language: str, part: WordingPart, protocol: Protocol) -> str:
    """Compose the default text of a part, with a first line that says which studies it fits."""
    lines, tags = _read(language, part).splitlines(), protocol_tags(protocol)
    kept_lines = [
        _strip_condition(line) for line in lines if tags.issuperset(_condition_tags(line))
    ]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept_lines))
    return f"{format_head(language, part, protocol)}{text}\n"


def format_head(language: str, part: WordingPart, protocol: Protocol) -> str:
    """Format the comment by which `study import` recognizes a text for another protocol."""
    lines = _read(language, part).splitlines()
    used_tags = {tag for line in lines for tag in _condition_tags(line)}
    return HEAD_TEMPLATE.format(" ".join(sorted(used_tags & protocol_tags(protocol))))


def _read(language: str, part: WordingPart) -> str:
    return (DEFAULTS_FOLDER / language / f"{part}.md").read_text(encoding="utf-8")


def _condition_tags(line: str) -> list[str]:
    condition = CONDITION_PATTERN.match(line)
    return condition[1].split() if condition else []


def _strip_condition(line: str) -> str:
    return CONDITION_PATTERN.sub("", line, count=1)
