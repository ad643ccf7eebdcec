"""What the server says of its work: one line of JSON a request, and nothing that tells who it was.

A participant's address is their key, so a line has the pattern of the route, never the address
itself, no query, no network address, no user agent.
"""

import json
import logging
import sys
import threading
import time
import traceback
from time import perf_counter
from types import TracebackType

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from study_server.clock import now

REQUESTS = logging.getLogger("study_server.requests")
WRITE_EVERY_S = 0.2
Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Server(Flask):
    """Flask, whose word of a failure would have the address in it."""

    def log_exception(self, exc_info: Raised) -> None:
        """Where it went wrong, and what kind of error; its message may quote what somebody sent."""
        frames = traceback.extract_tb(exc_info[2])
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        kind = exc_info[0].__name__ if exc_info[0] else "unknown"
        REQUESTS.error(_line(**_request(), error=kind, traceback=where))


def install(app: Flask) -> None:
    """Every request leaves a line; where nobody listens to the logger, it costs next to nothing."""
    app.before_request(_begin)
    app.after_request(_tell)


def tell_trouble(error: SQLAlchemyError) -> None:
    """What a database refuses, by the code that its manual has for it; a message may quote."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    REQUESTS.error(_line(**_request(), error=type(error).__name__, code=code))


class Lines(logging.Handler):
    """Writes to stderr what came in a while at one go; an error, with all before it, at once.

    Each write hands the interpreter to another thread, which costs more than all of the line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if record.levelno >= logging.ERROR:
            self.flush()
        elif self.writer is None or not self.writer.is_alive():  # a fork leaves it behind
            self.writer = threading.Thread(target=self._keep_writing, daemon=True)
            self.writer.start()

    def flush(self) -> None:
        self.acquire()
        lines, self.lines = self.lines, []
        try:
            if lines:
                sys.stderr.write("".join(f"{line}\n" for line in lines))
                sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass  # stderr is closed, or there is none; the study goes on
        finally:
            self.release()

    def _keep_writing(self) -> None:
        while True:
            time.sleep(WRITE_EVERY_S)
            self.flush()


def log_to_stderr() -> None:
    """For a server in the foreground."""
    REQUESTS.handlers = [Lines()]
    REQUESTS.propagate = False
    REQUESTS.setLevel(logging.INFO)


def _begin() -> None:
    g.began = perf_counter()


def _tell(response: Response) -> Response:
    if REQUESTS.isEnabledFor(logging.INFO):
        REQUESTS.info(_line(**_request(), status=response.status_code, ms=_elapsed_ms()))
    return response


def _request() -> dict[str, object]:
    if not has_request_context():
        return {}
    return {"method": request.method, "route": str(request.url_rule or "none")}


def _elapsed_ms() -> float | None:
    return round(1000 * (perf_counter() - g.began), 1) if "began" in g else None


def _line(**facts: object) -> str:
    return json.dumps({"at": now().isoformat("T", "milliseconds"), **facts})
