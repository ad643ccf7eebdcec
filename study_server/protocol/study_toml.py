"""Create, format and read study.toml, the file with the settings of a study."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from study_server.errors import StudyError
from study_server.protocol.key_texts import PROTOCOL_KEYS, STAIRCASE_KEYS, KeyText
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS


def create_protocol(slug: str, preset: str = "zhang2016") -> Protocol:
    """Return the protocol of a preset; raises StudyError if the slug cannot be part of a URL."""
    settings = {"slug": slug, "preset": preset, "methods": ("l2", "mcl")}
    return _validate(settings | PRESETS[preset], f"study new {slug}")


def rename_protocol(protocol: Protocol, slug: str) -> Protocol:
    """Return the protocol under another slug; raises StudyError if it cannot be part of a URL."""
    return _validate(protocol.model_dump() | {"slug": slug}, f"--slug {slug}")


def format_toml(protocol: Protocol) -> str:
    """Format a study.toml with a comment for every key; `read_protocol` reads it back."""
    settings = protocol.model_dump(mode="json")
    # tables, which must follow all other keys
    tables = {key: settings.pop(key) for key in ("scales", "questions")}
    staircase = settings.pop("staircase") or {}
    return "\n".join(
        [
            "# A perceptual-realism study. Edit this file, then run `study import`.",
            "",
            *_format_commented_table(settings, PROTOCOL_KEYS),
            *(
                line
                for key, entries in tables.items()
                for entry in entries
                for line in ("", f"[[{key}]]", *_format_table(entry))
            ),
            *(["", "[staircase]"] if staircase else []),
            *_format_commented_table(staircase, STAIRCASE_KEYS),
            "",
        ]
    )


def _format_commented_table(
    settings: Mapping[str, object], texts: Mapping[str, KeyText]
) -> list[str]:
    rows = [
        (f"{key} = {_format_toml_value(value)}", texts[key].explanation)
        for key, value in settings.items()
    ]
    width = max((len(setting) for setting, _ in rows), default=0)
    return [f"{setting:<{width}}  # {note}" for setting, note in rows]


def _format_table(settings: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_format_toml_value(value)}" for key, value in settings.items()]


def _format_toml_value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k} = {_format_toml_value(v)}' for k, v in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)  # TOML writes these values as JSON does


def read_protocol(path: Path) -> Protocol:
    """Read a study.toml.

    Raises StudyError that names the file, the key, its value and what to do.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file; create it with `study new SLUG`") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read as TOML: {error}") from error
    return parse_toml(content, str(path))


def parse_toml(content: bytes, source: str) -> Protocol:
    """Parse the content of a study.toml; raises StudyError as `read_protocol` does."""
    try:
        settings = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StudyError(f"{source}: cannot be read as TOML: {error}") from error
    return _validate(PRESETS.get(str(settings.get("preset")), {}) | settings, source)


def _validate(settings: dict[str, Any], source: str) -> Protocol:
    try:
        return Protocol.model_validate(settings)
    except ValidationError as error:
        first = max(error.errors(), key=lambda one: len(_written_key(settings, one["loc"])))
        key = ".".join(_written_key(settings, first["loc"])) or "study"
        is_shown = (
            first["loc"] and first["type"] != "missing" and not isinstance(first["input"], dict)
        )
        value = f" = {first['input']!r}" if is_shown else ""
        reason = first["msg"].removeprefix("Value error, ")
        raise StudyError(f"{source}: {key}{value}: {reason}") from error


def _written_key(settings: Any, location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of pydantic's error location that the file has, without union branches."""
    key = [str(part) for part in location[:1]]
    value: Any = settings.get(location[0]) if location else None
    for part in location[1:]:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(part, int) and isinstance(value, list | tuple):
            value = value[part]
        else:
            continue
        key.append(str(part))
    return key
