"""The page /healthz for monitoring: 200 while the server works, 503 otherwise."""

import os
from collections.abc import Callable

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from study_server.jobs.erasure import is_erasure_overdue
from study_server.object_storage.mirror import has_stimuli_here
from study_server.storage.models import Stimulus
from study_server.storage.schema import latest_revision, read_revision
from study_server.studies.lookup import list_studies
from study_server.vocabulary import StudyState

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def health() -> ResponseReturnValue:
    """Report the state of the database, its schema, the stimuli and the background jobs."""
    checks: dict[str, Callable[[], str]] = {
        "database": _check_database,
        "schema": _check_schema,
        "stimuli": _check_stimuli,
        "jobs": _check_jobs,
    }
    results = {name: _run_check(check) for name, check in checks.items()}
    is_healthy = all(result == "ok" for result in results.values())
    headers = {"Cache-Control": "no-store"}
    return (
        {"status": "ok" if is_healthy else "failing"} | results,
        200 if is_healthy else 503,
        headers,
    )


def _run_check(check: Callable[[], str]) -> str:
    try:
        return check()
    except SQLAlchemyError:  # its message may contain host and user names
        return "the database does not respond"


def _check_database() -> str:
    g.db.execute(select(1))
    return "ok"


def _check_schema() -> str:
    schema = read_revision(g.db.connection())
    if schema == latest_revision():
        return "ok"
    return f"schema {schema} is out of date; run `study upgrade`"


def _check_stimuli() -> str:
    """Check that one image can be read and is whole, if there are any.

    A server with a bucket must have the stimuli of all open studies.
    """
    settings = current_app.extensions["settings"]
    if settings.stimuli_url:
        opened = list_studies(g.db, StudyState.OPEN)
        here = [has_stimuli_here(g.db, study, settings.stimuli_folder) for study in opened]
        return "ok" if all(here) else "being fetched"
    stimulus = g.db.execute(select(Stimulus.file, Stimulus.file_bytes).limit(1)).one_or_none()
    if stimulus is None:
        return "ok"
    path = settings.stimuli_folder / stimulus.file
    if not os.access(path, os.R_OK):
        return "not readable"
    return "ok" if path.stat().st_size == stimulus.file_bytes else "damaged"


def _check_jobs() -> str:
    return "late: run `study jobs run`" if is_erasure_overdue(g.db) else "ok"
