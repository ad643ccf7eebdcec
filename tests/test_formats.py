"""docs/formats.md is the contract between the rooms: every row of its tables matches the code."""

import re
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

import pytest

import analysis.responses
import colorizer.batch
from study_server import export, stimuli, words

FORMATS = (Path(__file__).parent.parent / "docs" / "formats.md").read_text()


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", FORMATS, re.M | re.S)
    return str(text)


def table(title: str) -> dict[str, str]:
    """column -> meaning; a row may name several columns."""
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| (.+) \|$", section(title), re.M)
    return {
        column: text for names, text in rows if names != "column" for column in names.split(", ")
    }


def vocabulary(meaning: str) -> list[str]:
    return re.findall(r"`([a-z0-9_]+)`", meaning)


def test_manifest_columns() -> None:
    columns = list(table("manifest.csv"))
    assert columns == list(stimuli.COLUMNS)
    assert columns == [field.name for field in fields(colorizer.batch.Stimulus)]


def test_responses_columns() -> None:
    columns = list(table("responses.csv"))
    assert columns == list(export.RESPONSES)
    assert columns == list(analysis.responses.COLUMNS)


def test_participants_columns() -> None:
    listed = section("participants.csv").split("\n\n")[0].strip().rstrip(".")
    columns = [column.partition(" (")[0] for column in re.split(r", (?![^(]*\))", listed)]
    assert columns == list(export.PARTICIPANTS)


@pytest.mark.parametrize(
    ("column", "vocabulary_of_the_code"),
    [
        ("outcome", words.Outcome),
        ("mode", words.Mode),
        ("kind", words.Kind),
        ("flags", words.Flag),
    ],
)
def test_words_of_the_responses(column: str, vocabulary_of_the_code: type[StrEnum]) -> None:
    assert vocabulary(table("responses.csv")[column]) == list(vocabulary_of_the_code)


def test_methods_and_sources() -> None:
    assert vocabulary(table("manifest.csv")["method"])[:2] == [words.REAL, words.FOIL]
    assert vocabulary(section("participants.csv"))[:4] == list(words.Source)


def test_the_codebook_opens_with_the_version() -> None:
    assert f"`{export.VERSION}`" in FORMATS
