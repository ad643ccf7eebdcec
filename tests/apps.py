"""The study server as an application, whose routes and templates are compiled only once."""

from collections import defaultdict
from copy import copy
from functools import cache
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from study_server.app import connect, create_app
from study_server.settings import Settings

# Functions around every request, to which a test may add its own.
HANDLERS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs")


def open_app(settings: Settings, engine: Engine) -> Flask:
    """Return what `create_app` returns: a copy of an application without studies.

    Compiling a hundred routes, and the templates of the pages that a test opens, takes longer than
    most tests. An application that is wrapped or that counts its requests cannot be copied.
    """
    original = create_once(
        settings.model_copy(update={"database_url": "sqlite://", "instance_folder": Path()})
    )
    assert "wsgi_app" not in vars(original), "use create_app"
    assert "metrics" not in original.extensions, "use create_app"
    app = copy(original)
    app.config, app.extensions = copy(app.config), app.extensions.copy()
    for name in HANDLERS:
        shared = getattr(original, name)
        setattr(app, name, defaultdict(list, {scope: [*own] for scope, own in shared.items()}))
    connect(app, settings, engine)
    return app


@cache
def create_once(settings: Settings) -> Flask:
    """Create an application whose database is in memory."""
    app = create_app(settings)
    app.extensions["engine"].dispose()
    return app
