"""The analysis plan as a form: its fields, their values, and what was typed."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from study_server.drafts.protocol_errors import ProtocolFormError, explain_error
from study_server.drafts.protocol_fields import FormField, describe_field
from study_server.drafts.protocol_form import format_value, parse_number, split_list
from study_server.protocol.key_texts import KeyText
from study_server.studies.design import AnalysisPlan, PlannedExclusions


def plan_fields() -> list[FormField]:
    """Return the fields of the plan, without its exclusion rules."""
    return _list_fields(AnalysisPlan, "")


def exclusion_fields() -> list[FormField]:
    """Return the fields of the exclusion rules; an empty one follows from the protocol."""
    return _list_fields(PlannedExclusions, "exclusions.")


def _list_fields(
    model: type[AnalysisPlan] | type[PlannedExclusions], prefix: str
) -> list[FormField]:
    properties = model.model_json_schema()["properties"]
    texts = {
        key: KeyText(field.title or "", field.description or "")
        for key, field in model.model_fields.items()
    }
    return [
        describe_field(key, _without_null(schema), texts, prefix)
        for key, schema in properties.items()
        if key != "exclusions"
    ]


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a setting without the possibility that it is absent."""
    present = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return present[0] if present else schema


def list_plan_values(plan: AnalysisPlan) -> dict[str, str]:
    """Return the value of every input of the form."""
    settings = plan.model_dump(mode="json")
    rules = settings.pop("exclusions")
    values = {key: format_value(value) for key, value in settings.items()}
    values["hypotheses"] = "\n".join(plan.hypotheses)
    return values | {f"exclusions.{key}": format_value(value) for key, value in rules.items()}


def parse_plan(form: Mapping[str, str]) -> AnalysisPlan:
    """Return the plan that was typed; raises ProtocolFormError with a sentence by input."""
    settings = _parse_fields(plan_fields(), form)
    settings["exclusions"] = _parse_fields(exclusion_fields(), form)
    try:
        return AnalysisPlan.model_validate(settings)
    except ValidationError as error:
        problems = {
            ".".join(str(part) for part in one["loc"] if isinstance(part, str)): explain_error(one)
            for one in error.errors()
        }
        raise ProtocolFormError(problems) from error


def _parse_fields(fields: list[FormField], form: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed, without what was left empty or is not in the form."""
    typed = {field: form.get(field.name, "").strip() for field in fields}
    return {field.key: _parse_value(field, text) for field, text in typed.items() if text}


def _parse_value(field: FormField, text: str) -> Any:
    if field.key == "hypotheses":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if field.kind == "flag":
        return text == "yes"
    if field.kind == "list":
        return split_list(text)
    if field.kind in ("number", "decimal"):
        return parse_number(text, int if field.kind == "number" else float)
    return text
