"""Show the commands in a message as code on a page; messages put them in backticks."""

from flask import Flask
from markupsafe import Markup, escape

MARK = "`"


def init_app(app: Flask) -> None:
    """Add the filter `with_code` to every template."""
    app.jinja_env.filters["with_code"] = show_code


def show_code(message: str) -> Markup:
    """Return the message as HTML, with what is between backticks as code."""
    parts = message.split(MARK)
    if len(parts) % 2 == 0:  # a backtick without its partner
        return escape(message)
    pieces = [
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    ]
    return Markup("").join(pieces)
