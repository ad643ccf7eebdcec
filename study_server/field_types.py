"""Types of fields that several pydantic models share."""

from typing import Any

from pydantic import BeforeValidator, Field

from study_server.languages import LANGUAGES

FROM_TEXT = Field(strict=False)  # a member of a vocabulary, which TOML and JSON contain as text


def _use_in_every_language(value: Any) -> Any:
    return value if isinstance(value, dict) else dict.fromkeys(LANGUAGES, value)


def _use_list_in_every_language(value: Any) -> Any:
    """Return the tuples by language that strict models require instead of lists."""
    return {
        language: tuple(own) if isinstance(own, list) else own
        for language, own in _use_in_every_language(value).items()
    }


# A text, or a list of texts, by language; a single one is used in every language.
IN_EVERY_LANGUAGE = BeforeValidator(_use_in_every_language)
LIST_IN_EVERY_LANGUAGE = BeforeValidator(_use_list_in_every_language)
