"""Tests that every key of study.toml and of the analysis plan has a label and an explanation."""

import pytest
from pydantic import BaseModel

from study_server.protocol.key_texts import (
    PROTOCOL_KEYS,
    QUESTION_KEYS,
    SCALE_KEYS,
    STAIRCASE_KEYS,
    KeyText,
)
from study_server.protocol.model import Protocol
from study_server.protocol.questions import Question
from study_server.protocol.staircase import Staircase
from study_server.studies.design import AnalysisPlan, PlannedExclusions
from study_server.tasks.scales import Scale

TABLES = {"staircase", "scales", "questions"}  # with keys of their own
TEXTS: list[tuple[type[BaseModel], dict[str, KeyText]]] = [
    (Protocol, PROTOCOL_KEYS),
    (Staircase, STAIRCASE_KEYS),
    (Question, QUESTION_KEYS),
    (Scale, SCALE_KEYS),
]
PLANS: list[type[BaseModel]] = [AnalysisPlan, PlannedExclusions]


def read_plan_texts(model: type[BaseModel]) -> dict[str, KeyText]:
    """Return the texts of a plan; without a title of its own, a label is empty."""
    return {
        key: KeyText(field.title or "", field.description or "")
        for key, field in model.model_fields.items()
        if key != "exclusions"
    }


@pytest.mark.parametrize(("model", "texts"), TEXTS)
def test_every_key_of_the_file_has_a_text(
    model: type[BaseModel], texts: dict[str, KeyText]
) -> None:
    assert set(texts) == set(model.model_fields) - TABLES


@pytest.mark.parametrize(
    "texts", [*(texts for _, texts in TEXTS), *(read_plan_texts(plan) for plan in PLANS)]
)
def test_labels_differ_and_explanations_are_sentences(texts: dict[str, KeyText]) -> None:
    labels = [text.label for text in texts.values()]
    assert len(set(labels)) == len(labels)
    for key, (label, explanation) in texts.items():
        assert label[:1].isupper(), key
        assert not label.endswith("."), key
        assert explanation[:1].isupper(), key
        assert explanation.endswith("."), key
