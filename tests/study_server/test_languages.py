"""Everything participants read can be read in every language."""

import re
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from study_server.languages import (
    LANGUAGES,
    SOURCE_LANGUAGE,
    catalog_path,
    format_minutes,
    format_seconds,
    load_catalog,
)

ROOT = Path(__file__).parents[2]
TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
BLANK = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w[^>]*>")  # what a translation keeps as it is

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def texts(forms: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """The one form of a text, or its singular and plurals."""
    return [forms] if isinstance(forms, str) else list(forms or [""])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every text in the code and the pages, as `make words` finds them."""
    file = tmp_path_factory.mktemp("words") / "words.pot"
    mapping, places = ROOT / "pyproject.toml", [ROOT / "study_server", ROOT / "templates"]
    extract = ["pybabel", "-q", "extract", "-F", mapping, "-o", file, *places]
    CommandLineInterface().run([str(word) for word in extract])
    with file.open("rb") as content:
        return read_po(content)


def read_catalogue(language: str) -> Catalog:
    with catalog_path(language).open("rb") as content:
        return read_po(content, locale=language)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_has_its_translation_and_no_other_is_kept(
    language: str, template: Catalog
) -> None:
    catalog = read_catalogue(language)
    wanted = {str(message.id) for message in template if message.id}
    assert len(wanted) > 80
    assert {str(message.id) for message in catalog if message.id} == wanted
    assert not catalog.obsolete
    for message in catalog:
        if message.id:
            assert all(texts(message.string)), f"not translated: {message.id}"
            assert not message.fuzzy, f"not sure: {message.id}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_blanks_and_tags(language: str) -> None:
    for message in read_catalogue(language):
        for translated in texts(message.string) if message.id else []:
            kept = sorted(BLANK.findall(texts(message.id)[-1]))
            assert sorted(BLANK.findall(translated)) == kept, message.id


@pytest.mark.parametrize("page", sorted((ROOT / "templates/participant").rglob("*.html")), ids=str)
def test_a_page_has_no_text_beside_the_catalogues(page: Path) -> None:
    assert find_untranslated(page.read_text(encoding="utf-8")) == []


def find_untranslated(page: str) -> list[str]:
    """Return the untranslated texts of a template: text, labels, and strings in expressions."""
    fixed = re.sub(r"{%-? trans.*?endtrans -?%}", "", page, flags=re.DOTALL)
    expressions = re.findall(r"{[{%].*?[%}]}", fixed, flags=re.DOTALL)
    quoted = [re.sub(r'gettext\("[^"]*"\)', "", expression) for expression in expressions]
    texts = [text for code in quoted for text in re.findall(r'"([^"]*\s[^"]*)"', code)]
    markup = re.sub(r"{[{%#].*?[%}#]}", "", fixed, flags=re.DOTALL)
    labels = re.findall(r'\s(?:aria-label|alt|title|placeholder)="([^"]*)"', markup)
    visible = re.sub(r"<[^>]*>|[\w-]+=\"[^\"]*\"", "\n", markup).splitlines()
    return [text for text in (*texts, *labels, *visible) if re.search(r"[^\W\d]{2}", text)]


@pytest.mark.parametrize(
    "page",
    [
        "<p>Hello</p>",
        '<p aria-label="Hello">',
        '{% set asked = "Which one?" %}',
        "{% trans %}Fine{% endtrans %} or not",
    ],
)
def test_a_text_in_a_page_would_be_found(page: str) -> None:
    assert len(find_untranslated(page)) == 1


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_names_its_reviewers(language: str) -> None:
    assert "review" in catalog_path(language).read_text(encoding="utf-8").split("msgid")[0]


def test_counts_and_units_have_their_plurals() -> None:
    forms = [
        load_catalog("de").ngettext("{count} pair", "{count} pairs", count) for count in (1, 2)
    ]
    assert forms == ["{count} Paar", "{count} Paare"]
    assert [format_seconds(n, "en") for n in (1, 1.5, 3)] == [
        "1 second",
        "1.5 seconds",
        "3 seconds",
    ]
    assert [format_seconds(n, "de") for n in (1, 0.5)] == ["1 Sekunde", "0,5 Sekunden"]
    assert [format_minutes(n, "de") for n in (1, 8)] == ["1 Minute", "8 Minuten"]


@on_sqlite
@pytest.mark.parametrize(
    ("asked", "spoken", "heading"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Seite nicht gefunden"),
        ("fr,en;q=0.5", "en", "Page not found"),
        ("fr", "en", "Page not found"),
        ("", "en", "Page not found"),
    ],
)
def test_a_page_that_belongs_to_no_study_speaks_as_the_browser_asks(
    asked: str, spoken: str, heading: str, client: FlaskClient
) -> None:
    page = client.get("/nowhere", headers={"Accept-Language": asked}).text
    assert f'<html lang="{spoken}">' in page
    assert f"<h1>{heading}</h1>" in page


@on_sqlite
def test_researchers_read_english(client: FlaskClient) -> None:
    page = client.get("/researcher/login", headers={"Accept-Language": "de"}).text
    assert '<html lang="en">' in page
