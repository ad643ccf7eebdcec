"""The server's log: one line of JSON per request, without anything that identifies a participant.

A participant's address is also their key. A line therefore contains the route's pattern instead of
the address, and no query, IP address or user agent.
"""

import json
import logging
import traceback
from time import perf_counter
from types import TracebackType

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from study_server.clock import now

REQUEST_LOGGER = logging.getLogger("study_server.requests")
ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class StudyFlask(Flask):
    """A Flask application that does not log the request's address with an exception."""

    def log_exception(self, exc_info: ExceptionInfo) -> None:
        """Log the type and traceback of an exception.

        The message is not logged, because it may quote what a participant sent.
        """
        frames = traceback.extract_tb(exc_info[2])
        locations = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        kind = exc_info[0].__name__ if exc_info[0] else "unknown"
        REQUEST_LOGGER.error(_format_line(**_request_facts(), error=kind, traceback=locations))


def init_app(app: Flask) -> None:
    """Log every request of the application. REQUEST_LOGGER needs a handler to print the lines."""
    app.before_request(_begin)
    app.after_request(_log_request)


def log_database_error(error: SQLAlchemyError) -> None:
    """Log a database error by its error code.

    The error's message is not logged, because it may quote what a participant sent.
    """
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    REQUEST_LOGGER.error(_format_line(**_request_facts(), error=type(error).__name__, code=code))


def log_problem(message: str) -> None:
    """Log a problem of the server's own work, in words without participants' data."""
    REQUEST_LOGGER.error(_format_line(error=message))


def log_to_stderr() -> None:
    """Write the request log to stderr, for a server in the foreground."""
    REQUEST_LOGGER.handlers = [logging.StreamHandler()]
    REQUEST_LOGGER.propagate = False
    REQUEST_LOGGER.setLevel(logging.INFO)


def _begin() -> None:
    g.began = perf_counter()


def _log_request(response: Response) -> Response:
    if REQUEST_LOGGER.isEnabledFor(logging.INFO):
        REQUEST_LOGGER.info(
            _format_line(**_request_facts(), status=response.status_code, ms=_elapsed_ms())
        )
    return response


def _request_facts() -> dict[str, object]:
    if not has_request_context():
        return {}
    return {"method": request.method, "route": str(request.url_rule or "none")}


def _elapsed_ms() -> float | None:
    return round(1000 * (perf_counter() - g.began), 1) if "began" in g else None


def _format_line(**facts: object) -> str:
    return json.dumps({"at": now().isoformat("T", "milliseconds"), **facts})
