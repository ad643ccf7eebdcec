"""A study with questions of its own."""

from typing import Any

from flask import Flask

from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.wording.files import compose_wording
from study_server.wording.stored import store_wording
from tests.conftest import short_protocol

AGE: dict[str, Any] = {
    "name": "age",
    "text": {"en": "How old are you?", "de": "Wie alt sind Sie?"},
    "kind": "choice",
    "options": {"en": ["18 to 34", "35 or older"], "de": ["18 bis 34", "35 oder älter"]},
    "required": True,
    "when": "before",
}
YEARS = {
    "name": "years", "text": "Years?", "kind": "number", "required": True, "when": "before",
}  # fmt: skip
SEEN = {
    "name": "seen", "text": "Seen?", "kind": "choice", "options": ["Yes", "No"], "when": "after",
}  # fmt: skip
HOW = {"name": "how", "text": "How did you decide?", "kind": "text", "when": "after"}
QUESTIONS = [AGE, YEARS, SEEN, HOW]


def ask(app: Flask, *questions: dict[str, Any], **settings: Any) -> None:
    """Let the short study ask these questions, in English and German."""
    asked = questions or QUESTIONS
    protocol = short_protocol(languages=["en", "de"], questions=asked, **settings)
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        study.protocol = protocol.canonical_json()
        store_wording(db, study, compose_wording(protocol))
