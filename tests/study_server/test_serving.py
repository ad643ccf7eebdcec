"""The server's own loop: many who say nothing cost nothing, and nobody is forgotten."""

import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask
from waitress.channel import HTTPChannel

from study_server import serving
from study_server.serving import served

ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def app() -> Flask:
    """Answers at once."""
    app = Flask(__name__)
    app.extensions["settings"] = type("Settings", (), {"trusted_proxies": 0})
    app.add_url_rule("/healthz", "healthz", lambda: "well")
    return app


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as one:
        yield one


def ask(one: socket.socket) -> None:
    """And be answered."""
    one.sendall(ASK)
    hear(one)


def hear(one: socket.socket) -> None:
    heard = b""
    while not heard.endswith(b"\r\n\r\nwell"):
        more = one.recv(4096)
        assert more, heard
        heard += more


def test_who_says_nothing_is_not_asked_at_every_request(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """waitress' own loop asks everybody at least twice a request."""
    asked, readable = Counter[int](), HTTPChannel.readable

    def count(channel: HTTPChannel) -> bool:
        asked[id(channel)] += 1
        return readable(channel)

    monkeypatch.setattr(HTTPChannel, "readable", count)
    monkeypatch.setattr(serving, "SWEEP_S", 60)
    people, requests = 100, 50
    with served(app) as address, ExitStack() as stack:
        for _ in range(people):
            ask(stack.enter_context(connected(address)))
        speaker = stack.enter_context(connected(address))
        asked.clear()
        for _ in range(requests):
            ask(speaker)
        assert asked.total() < 10 * requests


def test_everybody_is_answered_who_came_at_once(app: Flask) -> None:
    with served(app) as address, ExitStack() as stack:
        crowd = [stack.enter_context(connected(address)) for _ in range(200)]
        for _ in range(3):
            for one in crowd:
                one.sendall(ASK)
            for one in crowd:
                hear(one)


def test_a_response_is_one_packet(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, send = [], HTTPChannel.send

    def note(channel: HTTPChannel, data: bytes, do_close: bool = True) -> int:
        sent.append(bytes(data))
        return int(send(channel, data, do_close))

    monkeypatch.setattr(HTTPChannel, "send", note)
    with served(app) as address, connected(address) as one:
        ask(one)
    (packet,) = sent
    assert packet.startswith(b"HTTP/1.1 200 OK\r\n")
    assert packet.endswith(b"\r\n\r\nwell")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("body", "status"), [("", 200), ("", 204), ("no more than told", 204)])
def test_a_response_without_a_body_has_its_head_and_leaves_the_connection_open(
    app: Flask, method: str, body: str, status: int
) -> None:
    """waitress hangs up after 204, which is what the start of every trial gets."""
    app.add_url_rule("/none", "none", lambda: (body, status))
    with served(app) as address, connected(address) as one:
        for _ in range(2):
            one.sendall(ASK.replace(b"GET /healthz", f"{method} /none".encode()))
            head = one.recv(4096)
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            assert head.endswith(b"\r\n\r\n")
        ask(one)


def slow(app: Flask, address: str = "/slow") -> bytes:
    """A request whose answer takes a while."""

    def answer() -> str:
        time.sleep(0.3)
        return "late"

    app.add_url_rule(address, address, answer)
    return ASK.replace(b"/healthz", address.encode())


def test_requests_that_come_together_are_answered_in_their_order(app: Flask) -> None:
    asks = slow(app) + ASK
    with served(app, threads=4) as address, connected(address) as one:
        one.sendall(asks)
        heard = b""
        while not heard.endswith(b"\r\n\r\nwell"):
            heard += one.recv(4096)
        assert heard.count(b"HTTP/1.1 200") == 2
        assert heard.index(b"late") < heard.index(b"well")


@pytest.mark.parametrize("early", ["asks again", "hangs up", "says no more"])
def test_the_loop_rests_while_somebody_is_answered(
    app: Flask, monkeypatch: pytest.MonkeyPatch, early: str
) -> None:
    """Where it does not, it takes the interpreter from the thread that answers."""
    looks, look = [], serving.Connections.look

    def count(connections: serving.Connections, timeout_s: float) -> None:
        looks.append(timeout_s)
        look(connections, timeout_s)

    asks = slow(app)
    monkeypatch.setattr(serving.Connections, "look", count)
    with served(app) as address, connected(address) as one:
        ask(one)
        looks.clear()
        one.sendall(asks)
        time.sleep(0.05)
        if early == "asks again":
            one.sendall(ASK)
        elif early == "hangs up":
            one.close()
        else:
            one.shutdown(socket.SHUT_WR)
        time.sleep(0.4)
        assert len(looks) < 30
        if early == "says no more":
            assert one.recv(4096).endswith(b"late")
            assert one.recv(4096) == b""


@pytest.mark.parametrize("path", ["/healthz", "/none"])
def test_who_wants_the_connection_closed_gets_it_closed(app: Flask, path: str) -> None:
    app.add_url_rule("/none", "none", lambda: ("", 204))
    asks = ASK.replace(b"/healthz", path.encode())
    with served(app) as address:
        for asked in (
            asks.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            asks.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ):
            with connected(address) as one:
                one.sendall(asked)
                heard = [one.recv(4096), one.recv(4096)]
                assert b"\r\nConnection: close\r\n" in heard[0]
                assert heard[1] == b""


@pytest.mark.parametrize("parts", [1, 5], ids=["at once", "more than the server holds back"])
def test_who_reads_slowly_gets_all_of_it(app: Flask, parts: int) -> None:
    part = b"~" * 8_000_000
    app.add_url_rule("/long", "long", lambda: (part for _ in range(parts)))
    with served(app) as address, connected(address) as one:
        one.sendall(ASK.replace(b"/healthz", b"/long"))
        time.sleep(0.3)  # the socket is full, and the server waits for it to empty
        got = 0
        while more := one.recv(1_000_000):  # no length was told: the end is where it hangs up
            got += more.count(b"~")
        assert got == parts * len(part)


def test_who_says_nothing_for_long_is_let_go(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(serving.LIMITS, "channel_timeout", 1)
    monkeypatch.setitem(serving.LIMITS, "cleanup_interval", 1)
    with served(app) as address, connected(address) as silent:
        ask(silent)
        assert silent.recv(1) == b""


def test_a_place_that_was_left_is_taken_by_the_next(app: Flask) -> None:
    """The system gives a new connection the file of a closed one."""
    with served(app) as address:
        for _ in range(300):
            with connected(address) as one:
                ask(one)


def test_who_hangs_up_before_being_told_to_go_on_stops_nobody(app: Flask) -> None:
    """waitress closes such a connection in a thread that answers, beside the server's loop."""

    @app.get("/soon")
    def soon() -> str:
        time.sleep(0.002)
        return "well"

    asks = ASK.replace(b"/healthz", b"/soon")
    waits = ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    with served(app, threads=4) as address:
        for _ in range(15):
            with ExitStack() as stack:
                rude = [stack.enter_context(connected(address)) for _ in range(20)]
                for one in rude:
                    one.sendall(asks + waits)
                for one in rude:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            time.sleep(0.1)
        with connected(address) as one:
            ask(one)
