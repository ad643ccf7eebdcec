"""The languages of the participant pages. English texts are in the code, others in catalogs.

A catalog is a gettext file, translations/LANGUAGE/LC_MESSAGES/messages.po, which is compiled in
memory when it is first needed. docs/wording.md explains how to add a language.
"""

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from babel.units import format_unit

SOURCE_LANGUAGE = "en"
TRANSLATIONS_FOLDER = Path(__file__).parent / "translations"
LANGUAGES = (
    SOURCE_LANGUAGE,
    *sorted(place.name for place in TRANSLATIONS_FOLDER.iterdir() if place.is_dir()),
)


def N_(text: str) -> str:
    """Mark a text for translation, and return it unchanged; it is translated where it is used."""
    return text


def catalog_path(language: str) -> Path:
    """Return the path of a language's catalog."""
    return TRANSLATIONS_FOLDER / language / "LC_MESSAGES" / "messages.po"


@cache
def load_catalog(language: str) -> NullTranslations:
    """Return the translations into one of LANGUAGES."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    compiled = BytesIO()
    with catalog_path(language).open("rb") as texts:
        write_mo(compiled, read_po(texts, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def language_name(language: str) -> str:
    """Return a language's own name, for example Deutsch."""
    return Locale.parse(language).get_display_name(language) or language


def format_seconds(number: float, language: str) -> str:
    """Format seconds, for example "1 second", "1.5 seconds" or "1,5 Sekunden"."""
    return format_unit(number, "duration-second", locale=language)


def format_minutes(number: int, language: str) -> str:
    """Format minutes, for example "1 minute" or "8 Minuten"."""
    return format_unit(number, "duration-minute", locale=language)
