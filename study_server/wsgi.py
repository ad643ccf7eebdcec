"""The application for another WSGI server: `gunicorn study_server.wsgi:app` (docs/deploy.md)."""

from study_server.app import create_app
from study_server.logs import log_to_stderr

log_to_stderr()
app = create_app()
