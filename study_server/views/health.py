"""/healthz, for whatever watches the server: 200 while it can do its work, else 503."""

import os
from collections.abc import Callable

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from study_server.storage.models import Stimulus
from study_server.storage.schema import current_schema, read_schema

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def health() -> ResponseReturnValue:
    checks: dict[str, Callable[[], str]] = {
        "database": _check_database,
        "schema": _check_schema,
        "stimuli": _check_stimuli,
    }
    found = {name: _ask(check) for name, check in checks.items()}
    well = all(word == "ok" for word in found.values())
    headers = {"Cache-Control": "no-store"}
    return {"status": "ok" if well else "failing"} | found, 200 if well else 503, headers


def _ask(check: Callable[[], str]) -> str:
    try:
        return check()
    except SQLAlchemyError:  # its message may name hosts and users
        return "the database does not answer"


def _check_database() -> str:
    g.db.execute(select(1))
    return "ok"


def _check_schema() -> str:
    schema = read_schema(g.db.connection())
    return "ok" if schema == current_schema() else f"{schema}; `study upgrade` brings it up to date"


def _check_stimuli() -> str:
    """That one image can be read, where there are any."""
    file = g.db.scalar(select(Stimulus.file).limit(1))
    folder = current_app.extensions["settings"].stimuli_folder
    return "ok" if file is None or os.access(folder / file, os.R_OK) else "not readable"
