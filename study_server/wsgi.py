"""The application for other WSGI servers: `gunicorn 'study_server.wsgi:app()'` (docs/deploy.md)."""

from flask import Flask

from study_server.app import create_app
from study_server.logs import log_to_stderr


def app() -> Flask:
    """With its log on stderr; raises StudyError where it cannot run."""
    log_to_stderr()
    return create_app()
