"""waitress around the app: in the foreground for a study, in a thread for simulated people."""

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from study_server.bodies import MOST_BYTES
from study_server.errors import StudyError

# a queue of one is not worth a line in the terminal
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

MOST_CONNECTIONS = 8192  # every browser keeps one or more; each takes a file of the process
OTHER_FILES = 256
BREATH_S = 5e-6  # between two looks, for each connection
LIMITS: dict[str, Any] = {
    "asyncore_use_poll": True,  # select() ends at file 1024
    "channel_timeout": 30,  # s without a byte
    "max_request_header_size": 32 * 1024,
    "max_request_body_size": 16 * MOST_BYTES,  # up to here the app has a page to say so
}


def bind(app: Flask, host: str, port: int, threads: int, channels: dict[int, Any]) -> Any:
    """A waitress server that holds its port; raises StudyError when the port is taken."""
    try:
        return create_server(
            app,
            map=channels,
            host=host,
            port=port,
            threads=threads,
            ident=None,
            connection_limit=_make_room(),
            clear_untrusted_proxy_headers=not app.extensions["settings"].trusted_proxies,
            **LIMITS,
        )
    except OSError as error:
        raise StudyError(f"{host}:{port}: {error.strerror}; choose another --port") from error


def _make_room() -> int:
    """For how many connections there is room, once this process may open all it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - OTHER_FILES


def serve_until(stopped: threading.Event, server: Any, channels: dict[int, Any]) -> None:
    """Serve until `stopped`, then end what is under way.

    waitress looks at every connection before it waits for any, in the one interpreter that the
    threads which answer need too. Breathing leaves it to them: at 500 connections they would
    else get a quarter of it, and fall behind for good.
    """
    try:
        while channels and not stopped.is_set():
            wasyncore.loop(timeout=0.1, use_poll=True, map=channels, count=1)
            time.sleep(BREATH_S * len(channels))
    finally:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(channels)


@contextmanager
def served(app: Flask, threads: int = 2) -> Iterator[str]:
    """The app on a free loopback port, in the background; gives its address."""
    channels: dict[int, Any] = {}
    server = bind(app, "127.0.0.1", 0, threads, channels)
    stopped = threading.Event()

    thread = threading.Thread(target=serve_until, args=(stopped, server, channels), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        stopped.set()
        thread.join()
