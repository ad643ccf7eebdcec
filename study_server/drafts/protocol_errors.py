"""Validate the settings of a form, with one sentence per field that is not possible."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from study_server.drafts.protocol_fields import describe_characters
from study_server.errors import StudyError
from study_server.protocol.model import Protocol

REASONS = {  # by pydantic's type of error
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "greater_than_equal": "is less than {ge}, the least",
    "less_than_equal": "is more than {le}, the most",
    "string_pattern_mismatch": "is empty",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters; shorten it",
    "too_short": "is empty",
    "too_long": "has more than {max_length} entries; remove some",
    "missing": "is missing",
    "enum": "is not one of {expected}",
    "literal_error": "is not one of {expected}",
}
GENERAL = ""  # the place of a problem that belongs to no single field


class ProtocolFormError(StudyError):
    """Settings that are not possible. problems: a sentence by key of study.toml, or GENERAL."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("Some settings are not possible; they are marked, and nothing was saved")


def validate_settings(settings: Mapping[str, Any]) -> Protocol:
    """Return the protocol with these settings; raises ProtocolFormError."""
    try:
        return Protocol.model_validate(settings)
    except ValidationError as error:
        problems: dict[str, str] = {}
        for one in error.errors():
            key = str(one["loc"][0]) if one["loc"] else find_key(one["msg"])
            problems.setdefault(key, explain_error(one))
        raise ProtocolFormError(problems) from error


def find_key(message: str) -> str:
    """Return the key at which a message about the whole protocol is shown: the first it names."""
    table = re.search(r"\b(question|scale)s? ('|are named|have kind)", message)
    if table:
        return f"{table[1]}s"
    named = re.findall(r"[a-z_]+", message)
    return next((word for word in named if word in Protocol.model_fields), GENERAL)


def explain_error(error: Mapping[str, Any]) -> str:
    """Return a sentence without a period for an error of pydantic."""
    given, context = error.get("input"), error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch" and given:
        characters = describe_characters(context["pattern"])
        return f"{_place(error)}“{given}” is not possible here; use {characters}"
    if error["type"] not in REASONS:
        return str(error["msg"]).removeprefix("Value error, ")
    if given in ("", [], {}, None):
        return f"{_place(error)}this is empty; fill it in"
    limits = {name: format_number(value) for name, value in context.items()}
    reason = REASONS[error["type"]].format(**limits)
    return f"{_place(error)}{_quote(given)} {reason}"


def format_number(value: object) -> str:
    """Format a number without a fraction of 0, with separators of thousands; else any value."""
    if isinstance(value, float) and value.is_integer():
        return f"{int(value):,}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _quote(given: object) -> str:
    return "this list" if isinstance(given, list | tuple) else f"“{format_number(given)}”"


def _place(error: Mapping[str, Any]) -> str:
    """Return which entry of a table an error is about, such as "question 2, name: "."""
    first, *rest = error["loc"] or ("",)
    if first == "staircase":
        return f"{rest[0]}: " if rest else ""
    if first not in ("questions", "scales") or not rest:
        return ""
    number, *keys = rest
    words = [f"{str(first)[:-1]} {int(number) + 1}", *map(str, keys[:2])]
    return ", ".join(words) + ": "
