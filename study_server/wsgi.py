"""The application for WSGI servers, and the granian server that `study serve` runs."""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from sqlalchemy import Engine

from study_server.app import create_app
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.thread import start_job_thread
from study_server.object_storage.mirror_thread import start_mirror_thread
from study_server.participants.outcomes import release_places
from study_server.studies.stored_counts import store_counts
from study_server.web.logs import log_database_error, log_problem, log_to_stderr

MAX_CONNECTIONS = 8192  # every browser keeps one or two open
FILES_PER_THREAD = 3  # SQLite's database, its log and the index of the log
OTHER_OPEN_FILES = 64
MIN_CONNECTIONS = 64  # with fewer, idle browsers would silently keep others out
MAX_HEAD_BYTES = 32 * 1024  # request line and headers
BACKLOG = 1024  # connections that the system holds until they are accepted
STOP_TIMEOUT_S = 30  # longer than a writer waits for SQLite's lock


def app() -> Flask:
    """Create the application with a log of its requests on stderr; raises StudyError.

    Other WSGI servers use it, too: `gunicorn 'study_server.wsgi:app()'` (docs/deploy.md).
    """
    log_to_stderr()
    return app_without_request_log()


def app_without_request_log() -> Flask:
    """Create the application with the threads that work in the background; raises StudyError."""
    flask_app = create_app()
    gc.freeze()  # pages of large studies would spend a quarter of their time on traversing modules
    engine, settings = flask_app.extensions["engine"], flask_app.extensions["settings"]
    start_mirror_thread(engine, settings, log_database_error, log_problem)
    start_job_thread(engine, log_database_error, _keep_up)
    return flask_app


def _keep_up(engine: Engine) -> None:
    release_places(engine)
    store_counts(engine)


def find_address(host: str, port: int) -> str:
    """Return the IP address of a host; raises StudyError if another program uses the port.

    granian shares its port between processes, and would share it with another server, too.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise StudyError(f"{host}:{port}: {error.strerror}; use another --port") from error
    return str(address[0])


def run_server(
    address: str, port: int, *, workers: int, threads: int, factory: Callable[[], Flask] = app
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in progress.

    factory: makes the application in each worker process; a function of a module.
    """
    server = Granian(
        "study_server.wsgi",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_BYTES),
        workers=workers,
        blocking_threads=threads,
        backlog=BACKLOG,
        backpressure=_connection_limit(threads),  # of connections, idle ones included
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT_S,
    )
    server.serve(target_loader=partial(_load_in_worker, factory), wrap_loader=False)


def _connection_limit(threads: int) -> int:
    """Raise the process's limit of open files, and return the number of connections it allows.

    Raises StudyError if the system allows so few files that clients would wait in vain.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    reserved = OTHER_OPEN_FILES + FILES_PER_THREAD * threads
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + reserved
    allowed = min(wanted, _or_unlimited(hard))
    if _or_unlimited(soft) < allowed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        except (ValueError, OSError):  # macOS has another limit, which it does not report
            allowed = soft
    if allowed < reserved + MIN_CONNECTIONS:
        raise StudyError(
            f"the system allows {format_count(allowed, 'open file', 'open files')}, but "
            f"{format_count(threads, 'thread needs', 'threads need')} "
            f"{reserved + MIN_CONNECTIONS:,}; raise the limit, for example with `ulimit -n 16384`, "
            "or with LimitNOFILE=16384 in the systemd service"
        )
    return allowed - reserved


def _or_unlimited(limit: int) -> int:
    return sys.maxsize if limit < 0 else limit  # RLIM_INFINITY is -1


def _load_in_worker(factory: Callable[[], Flask]) -> Flask:
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    return factory()


def _stop_with_parent() -> None:
    """Stop this worker when the process that started it is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
