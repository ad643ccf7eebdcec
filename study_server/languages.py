"""The languages that participants may read: English is in the code, the others in catalogues.

A catalogue is gettext's text file, translations/LANGUAGE/LC_MESSAGES/messages.po, compiled in
memory when it is first needed. docs/wording.md tells how to add one.
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
    """A text that is translated where it is used; gettext's tools find it by this name."""
    return text


def catalog_path(language: str) -> Path:
    return TRANSLATIONS_FOLDER / language / "LC_MESSAGES" / "messages.po"


@cache
def load_catalog(language: str) -> NullTranslations:
    """What translates into one of LANGUAGES."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    compiled = BytesIO()
    with catalog_path(language).open("rb") as texts:
        write_mo(compiled, read_po(texts, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def language_name(language: str) -> str:
    """As its speakers call it: Deutsch"""
    return Locale.parse(language).get_display_name(language) or language


def format_seconds(number: float, language: str) -> str:
    """1 second, 1.5 seconds, 1,5 Sekunden"""
    return format_unit(number, "duration-second", locale=language)


def format_minutes(number: int, language: str) -> str:
    """1 minute, 8 Minuten"""
    return format_unit(number, "duration-minute", locale=language)
