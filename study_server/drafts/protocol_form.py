"""Convert a protocol to the values of its form, and what was typed into the form to settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from study_server.drafts.protocol_fields import FormField, protocol_groups, table_fields
from study_server.languages import LANGUAGES
from study_server.protocol.model import Protocol

FormValues = Mapping[str, str]  # by the name of the input
REPEATED_TABLES = ("questions", "scales")
LANGUAGE_LISTS = ("options", "labels")  # by language, one per line
MAX_ENTRIES = 40  # per table in a form


def split_list(text: str) -> list[str]:
    """Return the parts of a text that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def format_value(value: object) -> str:
    """Format a setting as the form shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def list_form_values(protocol: Protocol) -> dict[str, str]:
    """Return the value of every input of the form."""
    settings = protocol.model_dump(mode="json")
    values = {
        field.key: format_value(settings[field.key])
        for fields in protocol_groups().values()
        for field in fields
    }
    staircase = settings["staircase"] or {}
    values["staircase-used"] = format_value(bool(staircase))
    for field in table_fields("staircase"):
        values[f"staircase-{field.key}"] = format_value(staircase.get(field.key))
    for table in REPEATED_TABLES:
        values |= _table_values(table, settings[table])
    return values


def _table_values(table: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the inputs of the entries of a table, and of an empty one at the end."""
    values = {f"{table}-count": str(len(entries) + 1)}
    for number, entry in enumerate([*entries, {}]):
        prefix = f"{table}-{number}-"
        values[f"{prefix}place"] = str(number + 1)
        for field in table_fields(table):
            value = entry.get(field.key)
            if not is_by_language(field):
                values[prefix + field.key] = "" if value is None else format_value(value)
                continue
            for language in LANGUAGES:
                own = (value or {}).get(language, "")
                lines = own if isinstance(own, str) else "\n".join(own)
                values[f"{prefix}{field.key}-{language}"] = lines
    return values


def list_differences(stored: FormValues, typed: FormValues) -> list[tuple[str, str, str]]:
    """Return the name, the stored and the typed value of each input in which two forms differ."""
    names = [name for name in {**stored, **typed} if not name.endswith(("-place", "-count"))]
    return [
        (_describe_name(name), stored.get(name, ""), typed.get(name, ""))
        for name in names
        if name in typed and _same_line_ends(stored.get(name, "")) != _same_line_ends(typed[name])
    ]


def _same_line_ends(text: str) -> str:
    return "\n".join(text.strip().splitlines())


def _describe_name(name: str) -> str:
    """Return the name of an input in words: questions-0-text-en is "questions 1, text, en"."""
    table, _, rest = name.partition("-")
    number, _, field = rest.partition("-")
    if number.isdigit():
        return f"{table} {int(number) + 1}, {field.replace('-', ', ')}"
    return name.replace("-", ", ")


def is_by_language(field: FormField) -> bool:
    """Return whether a field of a table has a text, or a list of texts, for each language."""
    return field.key in ("text", *LANGUAGE_LISTS)


def parse_form(form: FormValues, protocol: Protocol) -> dict[str, Any]:
    """Return the settings that were typed. What is no number stays a text, for the validation.

    protocol: the present one, for everything that the form does not contain.
    """
    settings: dict[str, Any] = protocol.model_dump(mode="json")
    for fields in protocol_groups().values():
        for field in fields:
            if field.key in form and not field.is_fixed:
                settings[field.key] = _parse_value(field, form[field.key])
    if "staircase-used" in form:
        settings["staircase"] = _parse_staircase(form)
    for table in REPEATED_TABLES:
        if f"{table}-count" in form:
            settings[table] = _parse_table(table, form)
    return settings


def _parse_value(field: FormField, text: str) -> Any:
    text = text.strip()
    if field.kind == "flag":
        return text == "yes"
    if field.kind == "number":
        return parse_number(text, int)
    if field.kind == "decimal":
        return parse_number(text, float)
    if field.kind == "list":
        return split_list(text)
    if field.kind == "numbers":
        parts = [parse_number(part, int) for part in split_list(text)]
        return parts[0] if len(parts) == 1 else parts or text
    return text


def parse_number(text: str, number: type[int] | type[float]) -> int | float | str:
    """Return a number that was typed, or the text itself if it is none."""
    try:
        return number(text)
    except ValueError:
        return text


def _parse_staircase(form: FormValues) -> dict[str, Any] | None:
    if form["staircase-used"] != "yes":
        return None
    return {
        field.key: _parse_value(field, form.get(f"staircase-{field.key}", ""))
        for field in table_fields("staircase")
    }


def _parse_table(table: str, form: FormValues) -> list[dict[str, Any]]:
    """Return the entries of a table by their places, without empty and removed ones."""
    entries = []
    for number in list_entry_numbers(table, form):
        prefix = f"{table}-{number}-"
        entry = {
            field.key: _parse_entry_value(field, prefix, form) for field in table_fields(table)
        }
        place = parse_number(form.get(f"{prefix}place", ""), int)
        if is_typed(table, number, form) and f"{prefix}remove" not in form:
            entries.append((place if isinstance(place, int) else number + 1, number, entry))
    return [entry for _, _, entry in sorted(entries, key=lambda one: one[:2])]


def list_entry_numbers(table: str, form: FormValues) -> range:
    """Return the numbers of the entries of a table that a form contains."""
    count = parse_number(form.get(f"{table}-count", "0"), int)
    return range(min(max(count, 0), MAX_ENTRIES) if isinstance(count, int) else 0)


def is_typed(table: str, number: int, form: FormValues) -> bool:
    """Return whether anything was typed into an entry; choices alone do not count."""
    prefix = f"{table}-{number}-"
    typed = [field for field in table_fields(table) if field.kind not in ("choice", "flag")]
    names = [
        name
        for field in typed
        for name in (
            [f"{prefix}{field.key}-{language}" for language in LANGUAGES]
            if is_by_language(field)
            else [prefix + field.key]
        )
    ]
    return any(form.get(name, "").strip() for name in names)


def _parse_entry_value(field: FormField, prefix: str, form: FormValues) -> Any:
    if not is_by_language(field):
        return _parse_value(field, form.get(prefix + field.key, ""))
    texts = {
        language: form.get(f"{prefix}{field.key}-{language}", "").strip() for language in LANGUAGES
    }
    if field.key not in LANGUAGE_LISTS:
        return {language: text for language, text in texts.items() if text}
    return {
        language: [line.strip() for line in text.splitlines() if line.strip()]
        for language, text in texts.items()
        if text
    }
