"""The language of the page at hand, and what its templates need to speak it."""

from typing import Any

from flask import Flask, g, request

from study_server import languages
from study_server.languages import LANGUAGES, catalogue


def install(app: Flask) -> None:
    """{% trans %}, and the units of time, in every template."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    translate: Any = app.jinja_env  # the extension gave it the method
    translate.install_gettext_callables(gettext, ngettext, newstyle=True)
    app.jinja_env.filters["seconds"] = lambda number: languages.seconds(number, language())
    app.jinja_env.filters["minutes"] = lambda number: languages.minutes(number, language())
    app.context_processor(lambda: {"language": language()})


def speak(chosen: str) -> None:
    """For the rest of this request."""
    g.language = chosen


def language() -> str:
    """What was chosen, else what the browser asks for."""
    if "language" not in g:
        speak(prefer(LANGUAGES))
    return str(g.language)


def prefer(offered: tuple[str, ...]) -> str:
    """Of the languages offered the one that the browser likes best, else the first."""
    return request.accept_languages.best_match(offered, offered[0])


def gettext(text: str) -> str:
    return catalogue(language()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    return catalogue(language()).ngettext(one, many, number)
