"""waitress around the app: in the foreground for a study, in a thread for simulated people."""

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask

from study_server.bodies import MOST_BYTES
from study_server.errors import StudyError

# a queue of one is not worth a line in the terminal
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

MOST_CONNECTIONS = 8192  # every browser keeps one or more; each takes a file of the process
OTHER_FILES = 256
SWEEP_S = 1.0  # between two looks at every connection
ACTS: tuple[tuple[int, Any], ...] = (EVENT_READ, wasyncore.read), (EVENT_WRITE, wasyncore.write)
LIMITS: dict[str, Any] = {
    "channel_timeout": 30,  # s without a byte
    "max_request_header_size": 32 * 1024,
    "max_request_body_size": 16 * MOST_BYTES,  # up to here the app has a page to say so
}


class Connections(dict[int, Any]):
    """waitress' connections by their file, watched by the system.

    waitress' own loop asks every connection what it waits for each time that one of them has
    something to say, in the one interpreter that the threads which answer need too. Here only those
    are asked that came or spoke, until they wait for something again; all of them in a sweep.
    Threads that answer may close a connection at any moment, hence the lock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.selector = DefaultSelector()
        self.watched: dict[int, int] = {}  # what the system watches them for
        self.changed: set[int] = set()  # since it was told
        self.lock = threading.Lock()

    def __setitem__(self, file: int, connection: Any) -> None:
        with self.lock:
            super().__setitem__(file, connection)
            self.changed.add(file)

    def __delitem__(self, file: int) -> None:
        with self.lock:
            super().__delitem__(file)
            self.changed.discard(file)
            self._unwatch(file)

    def sweep(self) -> None:
        """Ask every one at the next look: who said nothing for long is let go then."""
        with self.lock:
            self.changed.update(self)

    def look(self, timeout_s: float) -> None:
        """Let those read and write that can."""
        with self.lock:
            for file in tuple(self.changed):
                self._watch(file)
        for key, events in self.selector.select(timeout_s):
            self.changed.add(key.fd)
            if not events & _wanted(key.data):
                with self.lock:
                    self._unwatch(key.fd)
            for event, act in ACTS:
                open_still = self.get(key.fd) is key.data
                if open_still and events & event and _wanted(key.data) & event:
                    act(key.data)

    def _watch(self, file: int) -> None:
        connection, known = self.get(file), self.watched.get(file, 0)
        events = _wanted(connection) if connection is not None else 0
        if connection is None or events:  # None: it spoke, and was closed before it was noted
            self.changed.discard(file)
        if events and events != known:
            tell = self.selector.modify if known else self.selector.register
            tell(file, events, connection)
            self.watched[file] = events

    def _unwatch(self, file: int) -> None:
        if self.watched.pop(file, 0):
            self.selector.unregister(file)


def _wanted(connection: Any) -> int:
    """The events that it waits for; none while a thread answers it, which writes by itself.

    A connection stays watched meanwhile: to tell the system twice at every answer would take longer
    than to be told once of somebody who speaks too early. Who hangs up is noticed when the thread
    is done, or holds back more than it may.
    """
    if getattr(connection, "requests", ()) and not _is_congested(connection):
        return 0
    try:
        reads = connection.readable()
    except RuntimeError:  # the server's own: a thread closed one while waitress went over them
        reads = True
    writes = connection.writable() and not connection.accepting
    return EVENT_READ * bool(reads) | EVENT_WRITE * bool(writes)


def _is_congested(connection: Any) -> bool:
    """The thread that answers waits until the loop has sent some of it, or hung up."""
    held_back = connection.total_outbufs_len >= connection.adj.outbuf_high_watermark
    return bool(held_back or connection.will_close)


class Task(WSGITask):
    """waitress' way to answer, with less to wait for on both sides."""

    channel: "Channel"

    def write(self, data: bytes) -> None:
        """The head goes out with the first bytes of the body, in one packet."""
        if data and self.complete and not self.wrote_header:
            self.channel.head = self.build_response_header()
            self.wrote_header = True
        super().write(data)
        if self.channel.head:
            self.channel.write_soon(b"")  # there was no body for it to go with

    def set_close_on_finish(self) -> None:
        """A response that has no body by its status ends with its head: no reason to hang up."""
        request: Any = self.request
        asked = self.version == "1.0" or request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked:
            super().set_close_on_finish()


class Channel(HTTPChannel):
    task_class = Task
    head = b""  # of a response, not sent yet

    def write_soon(self, data: Any) -> int:
        head, self.head = self.head, b""
        written: int = super().write_soon(head + data if head else data)
        return written


def bind(app: Flask, host: str, port: int, threads: int, connections: Connections) -> Any:
    """A waitress server that holds its port; raises StudyError when the port is taken."""
    try:
        server: Any = create_server(
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
    for listener in connections.values():  # one for each address that a host has
        if isinstance(listener, BaseWSGIServer):
            listener.channel_class = Channel
    return server


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
