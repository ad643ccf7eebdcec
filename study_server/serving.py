"""waitress around the app: in the foreground for a study, in a thread for simulated people."""

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
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
BREATH_S = 5e-6  # between two looks, for each connection that is being answered
SWEEP_S = 1.0  # between two looks at every connection
LIMITS: dict[str, Any] = {
    "channel_timeout": 30,  # s without a byte
    "max_request_header_size": 32 * 1024,
    "max_request_body_size": 16 * MOST_BYTES,  # up to here the app has a page to say so
}


class Connections(dict[int, Any]):
    """waitress' connections by their file, watched by the system.

    waitress' own loop asks every connection what it waits for each time that one of them has
    something to say, in the one interpreter that the threads which answer need too. Here only those
    are asked that came, spoke, or are being answered; all of them in a sweep. Threads that answer
    may close a connection at any moment, hence the lock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.selector = DefaultSelector()
        self.changed: set[int] = set()  # since the system was told what to watch them for
        self.lock = threading.Lock()

    def __setitem__(self, file: int, connection: Any) -> None:
        with self.lock:
            super().__setitem__(file, connection)
            self.changed.add(file)

    def __delitem__(self, file: int) -> None:
        with self.lock:
            super().__delitem__(file)
            self.changed.discard(file)
            if file in self.selector.get_map():
                self.selector.unregister(file)

    def sweep(self) -> None:
        """Ask every one at the next look: who said nothing for long is let go then."""
        with self.lock:
            self.changed.update(self)

    def look(self, timeout_s: float) -> None:
        """Let those read and write that can."""
        with self.lock:
            for file in tuple(self.changed):
                with suppress(RuntimeError):  # a thread closed one while waitress went over them
                    self._watch(file)
        for key, events in self.selector.select(timeout_s):
            connection: wasyncore.dispatcher = key.data
            for event, act in ((EVENT_READ, wasyncore.read), (EVENT_WRITE, wasyncore.write)):
                if events & event and self.get(key.fd) is connection:  # it may just have closed
                    self.changed.add(key.fd)
                    act(connection)

    def _watch(self, file: int) -> None:
        connection, known = self.get(file), self.selector.get_map().get(file)
        if connection is None:  # it spoke, and was closed before it was noted
            self.changed.discard(file)
            return
        reads, writes = connection.readable(), connection.writable() and not connection.accepting
        events = EVENT_READ * bool(reads) | EVENT_WRITE * bool(writes)
        if known and not events:
            self.selector.unregister(file)
        elif known and known.events != events:
            self.selector.modify(file, events, connection)
        elif events and not known:
            self.selector.register(file, events, connection)
        if events:
            self.changed.discard(file)


def bind(app: Flask, host: str, port: int, threads: int, connections: Connections) -> Any:
    """A waitress server that holds its port; raises StudyError when the port is taken."""
    try:
        return create_server(
            app,
            map=connections,
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


def serve_until(stopped: threading.Event, server: Any, connections: Connections) -> None:
    """Serve until `stopped`, then end what is under way."""
    swept = time.monotonic()
    try:
        while connections and not stopped.is_set():
            connections.look(timeout_s=0.1)
            if time.monotonic() - swept > SWEEP_S:
                connections.sweep()
                swept = time.monotonic()
            else:
                time.sleep(BREATH_S * len(connections.changed))
    finally:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(connections)
        connections.selector.close()


@contextmanager
def served(app: Flask, threads: int = 2) -> Iterator[str]:
    """The app on a free loopback port, in the background; gives its address."""
    connections = Connections()
    server = bind(app, "127.0.0.1", 0, threads, connections)
    stopped = threading.Event()

    thread = threading.Thread(target=serve_until, args=(stopped, server, connections), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        stopped.set()
        thread.join()
