"""Tests of the form of a protocol: what it shows, what is typed, and what is refused."""

import pytest

from study_server.drafts.protocol_errors import GENERAL, ProtocolFormError, validate_settings
from study_server.drafts.protocol_fields import TABLE_KEYS, protocol_groups
from study_server.drafts.protocol_form import list_differences, list_form_values, parse_form
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from tests.conftest import short_protocol

QUESTION = {
    "questions-0-name": "age",
    "questions-0-text-en": "How old are you?",
    "questions-0-kind": "choice",
    "questions-0-options-en": "18–34\r\n35 or older\r\n",
    "questions-0-when": "before",
    "questions-0-required": "yes",
}


def test_every_key_has_a_field_in_a_group() -> None:
    fields = [field for fields in protocol_groups().values() for field in fields]
    assert sorted([*(field.key for field in fields), *TABLE_KEYS]) == sorted(Protocol.model_fields)
    assert "More settings" not in protocol_groups()


def test_limits_are_those_of_the_model() -> None:
    fields = {field.key: field for group in protocol_groups().values() for field in group}
    assert fields["trials"].limits == "From 1 to 1,000."
    assert fields["title"].limits == "At most 200 characters."
    assert fields["methods"].limits == (
        "Separated by commas. Each consists of lowercase letters, digits, _ and -, at most 32 "
        "characters."
    )
    assert fields["entry"].choices == ("open", "recruited", "invited")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_form_that_nobody_changes_is_the_same_protocol(preset: str) -> None:
    protocol = create_protocol("mine", preset)
    other = create_protocol("mine").model_copy(update={"preset": preset})
    assert validate_settings(parse_form(list_form_values(protocol), other)) == protocol


@pytest.mark.parametrize(
    ("typed", "key", "sentence"),
    [
        ({"trials": "4a"}, "trials", "“4a” is not a whole number"),
        ({"trials": ""}, "trials", "this is empty; fill it in"),
        ({"plates": "11"}, "plates", "“11” is more than 10, the most"),
        ({"qualification_min_correct": "nan"}, "qualification_min_correct", "“nan” is more than 1"),
        ({"methods": ""}, "methods", "this is empty; fill it in"),
        ({"methods": "L2"}, "methods", "“L2” is not possible here; use lowercase letters, digits"),
        ({"title": "x" * 201}, "title", "is longer than 200 characters; shorten it"),
        ({"entry": "all"}, "entry", "“all” is not one of 'open', 'recruited' or 'invited'"),
        ({"languages": "en, fr"}, "languages", "'fr' is not available; choose from en, de"),
        ({"attention_checks": "9"}, "attention_checks", "attention_checks = 9 exceeds trials = 4"),
        ({"link_parameters": "id"}, "link_parameters", "choose another name"),
        ({"staircase-used": "yes"}, "staircase", "start_ms: this is empty; fill it in"),
        (QUESTION | {"questions-0-name": "Age"}, "questions", "question 1, name: “Age” is not"),
        (QUESTION | {"questions-0-options-en": "18"}, "questions", "needs at least two options"),
        (QUESTION | {"questions-0-text-en": ""}, "questions", "has no text in en; add it"),
        (QUESTION | {"questions-0-kind": ""}, "questions", "question 1, kind: this is empty"),
        ({"exposure_ms": "500, 500"}, "exposure_ms", "list each exposure once"),
    ],
)
def test_what_is_not_possible_is_one_sentence_at_its_field(
    typed: dict[str, str], key: str, sentence: str
) -> None:
    protocol = short_protocol()
    with pytest.raises(ProtocolFormError) as refused:
        validate_settings(parse_form(list_form_values(protocol) | typed, protocol))
    assert list(refused.value.problems) == [key]
    assert sentence in refused.value.problems[key]
    assert GENERAL not in refused.value.problems


def test_questions_can_be_added_moved_and_removed() -> None:
    protocol = short_protocol()
    one = validate_settings(parse_form(list_form_values(protocol) | QUESTION, protocol))
    assert one.questions[0].options["en"] == ("18–34", "35 or older")
    assert one.questions[0].required
    second = {
        "questions-1-name": "years",
        "questions-1-text-en": "For how many years?",
        "questions-1-kind": "number",
        "questions-1-when": "after",
        "questions-1-place": "0",
    }
    two = validate_settings(parse_form(list_form_values(one) | second, one))
    assert [question.name for question in two.questions] == ["years", "age"]
    removed = list_form_values(two) | {"questions-0-remove": "yes"}
    left = validate_settings(parse_form(removed, two))
    assert [question.name for question in left.questions] == ["age"]


def test_what_a_form_does_not_contain_stays_as_it_is() -> None:
    protocol = create_protocol("mine", "hype_time")
    assert validate_settings(parse_form({}, protocol)) == protocol
    assert validate_settings(parse_form({"slug": "other"}, protocol)) == protocol


def test_differences_of_two_forms_are_named_in_words() -> None:
    values = list_form_values(short_protocol())
    typed = values | {"trials": "6", "questions-0-text-en": "Why?", "title": f"{values['title']}\r"}
    assert list_differences(values, typed) == [
        ("trials", "4", "6"),
        ("questions 1, text, en", "", "Why?"),
    ]
