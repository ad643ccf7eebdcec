"""The fields of the protocol's form: their labels, explanations, limits and choices.

Labels and explanations are in protocol/key_texts.py; limits are those of the models that validate
study.toml.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from study_server.languages import LANGUAGES
from study_server.protocol.key_texts import (
    PROTOCOL_KEYS,
    QUESTION_KEYS,
    SCALE_KEYS,
    STAIRCASE_KEYS,
    KeyText,
)
from study_server.protocol.model import Protocol
from study_server.tasks.catalog import TASKS

GROUPS = {
    "Study": ("slug", "title", "languages", "wording", "preset"),
    "Who can take part": (
        "entry", "linked", "exclude_studies", "link_parameters", "completion_code", "target_views",
        "abandoned_after_minutes", "time_limit_minutes",
    ),
    "Screening": ("device", "color_vision", "night_light", "plates", "plates_min_correct"),
    "Task and images": (
        "task", "question", "methods", "assignment", "presentation", "candidates", "include_real",
        "ties", "reference", "caption", "layout", "stimuli", "paired", "order",
    ),
    "Trials": (
        "qualification", "qualification_min_correct", "practice", "trials", "attention_checks",
        "repeats", "disturbed",
    ),
    "Timing": (
        "first_blank_ms", "blank_ms", "exposure_ms", "gap_ms", "masks", "mask_ms", "after_ms",
        "feedback_ms", "prefetch",
    ),
}  # fmt: skip
TABLE_KEYS = ("staircase", "scales", "questions")  # with fields of their own
FIXED_KEYS = ("slug", "wording", "preset")  # the form only shows them
PATTERN_MEANINGS = {  # the characters of a pattern, in words
    "a-z": "lowercase letters",
    "A-Z": "capital letters",
    "0-9": "digits",
    "_": "_",
    "-": "-",
}


@dataclass(frozen=True)
class FormField:
    """A key of the protocol as a field of a form.

    name: of the input. kind: flag, choice, number, decimal, text, list, or numbers (several whole
    numbers). choices: the values of a choice. limits: what is possible, as a sentence; empty if
    anything is.
    """

    name: str
    key: str
    label: str
    kind: str
    explanation: str
    limits: str = ""
    choices: tuple[str, ...] = ()
    is_fixed: bool = False


@cache
def protocol_groups() -> dict[str, list[FormField]]:
    """Return the fields by group; keys that no group names are in the last one."""
    properties = Protocol.model_json_schema()["properties"]
    named = {key for keys in GROUPS.values() for key in keys}
    others = tuple(key for key in properties if key not in named and key not in TABLE_KEYS)
    groups = GROUPS | ({"More settings": others} if others else {})
    return {
        title: [describe_field(key, properties[key], PROTOCOL_KEYS) for key in keys]
        for title, keys in groups.items()
    }


@cache
def table_fields(table: str) -> list[FormField]:
    """Return the fields of an entry of `questions` or `scales`, or of `staircase`."""
    definitions = Protocol.model_json_schema()["$defs"]
    model, texts = {
        "questions": ("Question", QUESTION_KEYS),
        "scales": ("Scale", SCALE_KEYS),
        "staircase": ("Staircase", STAIRCASE_KEYS),
    }[table]
    return [
        describe_field(key, _resolve(definitions, schema), texts)
        for key, schema in definitions[model]["properties"].items()
    ]


def _resolve(definitions: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return definitions[name] if name else schema


def describe_field(
    key: str, schema: Mapping[str, Any], texts: Mapping[str, KeyText], prefix: str = ""
) -> FormField:
    """Describe the field of a key by its JSON schema. prefix: of the name of its input."""
    kind = _kind_of(key, schema)
    number = schema["anyOf"][0] if "anyOf" in schema else schema
    return FormField(
        name=prefix + key,
        key=key,
        label=texts[key].label,
        kind=kind,
        explanation=texts[key].explanation,
        limits=_write_sentence(_limits(key, kind, schema, number)),
        choices=tuple(TASKS) if key == "task" else tuple(schema.get("enum", ())),
        is_fixed=texts is PROTOCOL_KEYS and key in FIXED_KEYS,
    )


def _kind_of(key: str, schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return "numbers"
    if "enum" in schema or key == "task":
        return "choice"
    kinds = {"boolean": "flag", "integer": "number", "number": "decimal", "array": "list"}
    return kinds.get(str(schema.get("type")), "text")


def _write_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _limits(key: str, kind: str, schema: Mapping[str, Any], number: Mapping[str, Any]) -> str:
    if kind in ("number", "decimal", "numbers"):
        span = _describe_span(number)
        return f"{span}; several are separated by commas" if kind == "numbers" else span
    if key == "languages":
        return f"available: {', '.join(LANGUAGES)}; separated by commas"
    if key == "hypotheses":
        return "one per line"
    if kind == "list":
        most = f"at most {schema['maxItems']}; " if "maxItems" in schema else ""
        pattern = schema["items"].get("pattern", "")
        each = f". Each consists of {describe_characters(pattern)}" if pattern else ""
        return f"{most}separated by commas{each}"
    if "pattern" in schema:
        return describe_characters(schema["pattern"])
    return f"at most {schema['maxLength']} characters" if "maxLength" in schema else ""


def _describe_span(number: Mapping[str, Any]) -> str:
    least, most = f"{number['minimum']:,}", number.get("maximum")
    return f"at least {least}" if most is None else f"from {least} to {most:,}"


def describe_characters(pattern: str) -> str:
    """Return which characters a pattern such as ^[a-z][a-z0-9_]{0,31}$ allows, and how many."""
    sets = re.findall(r"\[([^\]]+)\](?:\{\d+,(\d+)\})?", pattern)
    limit = (
        "" if "*" in pattern else f", at most {sum(int(most or 1) for _, most in sets)} characters"
    )
    names = [name for part, name in PATTERN_MEANINGS.items() if part in _parts(sets[-1][0])]
    return f"{', '.join(names[:-1])} and {names[-1]}{limit}"


def _parts(characters: str) -> list[str]:
    return re.findall(r"\w-\w|.", characters)
