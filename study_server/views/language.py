"""The language of the current request, and the translation functions of its templates."""

from typing import Any

from flask import Flask, g, request

from study_server import languages
from study_server.languages import LANGUAGES, load_catalog


def init_app(app: Flask) -> None:
    """Add {% trans %}, units of time and the current language to every template."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    translate: Any = app.jinja_env  # the i18n extension adds the method
    translate.install_gettext_callables(gettext, ngettext, newstyle=True)
    app.jinja_env.filters["seconds"] = lambda number: languages.format_seconds(
        number, current_language()
    )
    app.jinja_env.filters["minutes"] = lambda number: languages.format_minutes(
        number, current_language()
    )
    app.context_processor(lambda: {"language": current_language()})


def set_language(chosen: str) -> None:
    """Set the language for the rest of this request."""
    g.language = chosen


def current_language() -> str:
    """Return the language that was set, or else the one that the browser prefers."""
    if "language" not in g:
        set_language(choose_language(LANGUAGES))
    return str(g.language)


def choose_language(offered: tuple[str, ...]) -> str:
    """Return the offered language that the browser prefers, or else the first one."""
    return request.accept_languages.best_match(offered, offered[0])


def gettext(text: str) -> str:
    """Translate a text into the current language."""
    return load_catalog(current_language()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Translate a text with a count into the current language."""
    return load_catalog(current_language()).ngettext(one, many, number)
