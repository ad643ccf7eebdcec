"""waitress around the app: in the foreground for a study, in a thread for simulated people."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from study_server.errors import StudyError

# a queue of one is not worth a line in the terminal
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def bind(app: Flask, host: str, port: int, threads: int, channels: dict[int, Any]) -> Any:
    """A waitress server that holds its port; raises StudyError when the port is taken."""
    try:
        return create_server(app, map=channels, host=host, port=port, threads=threads, ident=None)
    except OSError as error:
        raise StudyError(f"{host}:{port}: {error.strerror}; choose another --port") from error


@contextmanager
def served(app: Flask, threads: int = 2) -> Iterator[str]:
    """The app on a free loopback port, in the background; gives its address."""
    channels: dict[int, Any] = {}
    server = bind(app, "127.0.0.1", 0, threads, channels)
    stopped = threading.Event()

    def poll() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.1, map=channels, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(channels)

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        stopped.set()
        thread.join()
