"""Tests that oversized, malformed and slow requests are refused and do not block others."""

import io
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from itertools import product
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from study_server.storage.engine import read_session
from study_server.storage.models import Response
from study_server.web.bodies import MAX_DISCARDED_BYTES
from tests.attacks.answering import SHOWN, trials
from tests.faults.servers import Server, started

pytestmark = pytest.mark.slow(10)

MEBIBYTE = 1024 * 1024
BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"answer=left",
    "cut short": b'{"answer": {"choice": 0}, "rt_ms": ',
    "nothing": b"null",
    "a list": b"[]",
    "a number": b"1e999",
    "not a number": b'{"answer": {"choice": 0}, "rt_ms": NaN, "first_ms": NaN}',
    "bottomless": b"[" * 60_000,
    "bottomless too": b'{"a":' * 12_000,
    "no UTF-8": b"\xff\xfe{}",
    "half a character": b'{"answer": {"choice": 0}, "rt_ms": 1, "first_ms": 1, "id": "\\ud800"}',
    "NUL": b'{"answer": {"choice": 0}, "rt_ms": 1, "first_ms": 1, "id": "\\u0000"}',
    "a huge number": b'{"answer": {"choice": 0}, "rt_ms": ' + b"9" * 5000 + b', "first_ms": 1}',
    "a key too many": b'{"answer": {"choice": 0}, "rt_ms": 1, "first_ms": 1, "truth": "left"}',
    "a truth": b'{"answer": {"verdict": "real"}, "rt_ms": 1, "first_ms": 1}',
}


def test_a_malformed_body_is_refused_and_stores_nothing(
    app: Flask, client: FlaskClient, base: str
) -> None:
    (trial, *_) = trials(client, base)
    for what, (name, body) in product(("response", "incident"), BODIES.items()):
        reply = client.post(f"{trial}/{what}", data=body, content_type="application/json")
        assert (reply.status_code, reply.is_json) == (400, True), name
        assert reply.get_json()["error"]
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Response)) == 0


SCREEN = {
    "language": "en", "refresh_hz": 60, "device_pixel_ratio": 1, "viewport": "800x600",
    "color_gamut": "srgb", "inverted_colors": False, "forced_colors": False,
}  # fmt: skip
# A number, a text and a truth value each look like another type somewhere in Python.
WRONG_TYPES: dict[str, tuple[dict[str, object], dict[str, list[object]]]] = {
    "response": (
        SHOWN,
        {
            "answer": [True, 1, ["left"], "left", None],
            "rt_ms": ["7", True, 7.5, None, [7], float("inf")],
            "first_ms": ["7", True, None],
            "second_ms": ["7", True],
            "first_frames": ["7", True, 7.5],
            "early_inputs": ["0", False],
            "repeated_inputs": ["0", False],
            "input": [1, True],
            "flags": ["hidden", {"hidden": 1}, [True]],
            "id": [1, True],
        },
    ),
    "incident": (
        {"slot": 0, "status": 404},
        {"slot": [[1], "0", True, 0.5], "status": ["404", True, 404.5]},
    ),
    "environment": (
        SCREEN,
        {
            "language": [1, True],
            "refresh_hz": ["60", True],
            "device_pixel_ratio": ["1", True],
            "inverted_colors": [0, "false", "no"],
            "forced_colors": [1, "true"],
            "webdriver": [0, "true"],
        },
    ),
}


def test_a_value_of_another_type_is_refused_by_name(
    app: Flask, client: FlaskClient, base: str
) -> None:
    (trial, *_) = trials(client, base)
    for route, (body, wrong_by_key) in WRONG_TYPES.items():
        address = f"{base if route == 'environment' else trial}/{route}"
        for key, value in ((key, value) for key, wrong in wrong_by_key.items() for value in wrong):
            reply = client.post(address, json=body | {key: value})
            assert (reply.status_code, key, value) == (400, key, value)
            assert reply.get_json()["error"].startswith(key), (key, value)
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Response)) == 0
    whole = client.post(f"{trial}/response", json=SHOWN | {"rt_ms": 812.0})  # JSON has one number
    assert whole.status_code == 200


def test_only_true_is_consent(client: FlaskClient) -> None:
    version = client.get("/api/v1/studies/short").get_json()["texts"]["en"]["consent_version"]
    body = {"consent_version": version, "language": "en"}
    for word in (1, "true", "yes", "on", False, None, [True]):
        reply = client.post("/api/v1/studies/short/participants", json=body | {"consent": word})
        assert (reply.status_code, reply.get_json()["error"][:7]) == (400, "consent"), word


@pytest.mark.parametrize("length", [str(1000 * MEBIBYTE), None], ids=["declared", "chunked"])
def test_an_upload_by_a_stranger_is_read_up_to_a_limit(
    length: str | None, client: FlaskClient
) -> None:
    body = io.BytesIO(bytes(5 * MEBIBYTE))
    headers = {"Content-Length": length} if length else {}
    reply = client.post(
        "/researcher/studies/short/stimuli/upload",
        input_stream=body,
        headers=headers,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (reply.status_code, reply.location) == (302, "/researcher/login")
    assert body.tell() == MAX_DISCARDED_BYTES


@pytest.mark.parametrize("size", [65 * 1024, 2 * MEBIBYTE])
def test_an_oversized_body_is_refused(size: int, client: FlaskClient, base: str) -> None:
    (trial, *_) = trials(client, base)
    body = b'{"id": "' + b"x" * size + b'"}'
    reply = client.post(f"{trial}/response", data=body, content_type="application/json")
    assert (reply.status_code, bool(reply.get_json()["error"])) == (413, True)
    assert client.post(f"{base}/comment", data={"comment": "x" * size}).status_code == 413
    assert client.post(f"{trial}/response", json=SHOWN).status_code == 200


@pytest.fixture
def address(app: Flask) -> Iterator[tuple[str, int]]:
    """Run `study serve` with the app's database, and yield its address."""
    url = app.extensions["engine"].url.render_as_string(hide_password=False)
    server = Server(app.extensions["settings"].instance_folder.parent, url)
    with started(server):
        yield "127.0.0.1", server.port


def status(address: tuple[str, int], raw: bytes) -> bytes:
    """Return the status line of the reply to these bytes, or b"" if the server disconnects."""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            connection.sendall(raw)
            return connection.recv(64).partition(b"\r\n")[0]
        except ConnectionError:
            return b""


def test_a_declared_length_of_gigabytes_is_refused_before_reading(address: tuple[str, int]) -> None:
    head = b"POST /s/short HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n"
    assert status(address, head).startswith(b"HTTP/1.1 413")


def test_an_endless_chunked_body_is_cut_off(address: tuple[str, int]) -> None:
    head = b"POST /s/short HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    assert status(address, head + 40 * chunk)[:12] in (b"HTTP/1.1 413", b"")
    assert status(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b"HTTP/1.1 200 OK"


MALFORMED_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad\x00Name: y\r\n\r\n",
)


def test_malformed_http_is_refused_or_disconnected(address: tuple[str, int]) -> None:
    for raw in MALFORMED_HTTP:
        line = status(address, raw + b"\r\n\r\n")
        assert line[:10] in (b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.0 2", b""), raw
        assert status(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b"HTTP/1.1 200 OK"


SLOW = 300


@pytest.mark.alone
def test_hundreds_of_slow_connections_do_not_block_others(address: tuple[str, int]) -> None:
    with ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(socket.create_connection(address, timeout=10))
            for _ in range(SLOW)
        ]
        for round_ in (b"POST /s/short HTTP/1.1\r\n", b"Content-Length: 100\r\n", b"X-A: b\r\n"):
            for connection in slow:
                connection.sendall(round_)
            began = time.monotonic()
            reply = HTTPConnection(*address, timeout=10)
            reply.request("GET", "/s/short")
            assert reply.getresponse().status == 200
            reply.close()
            assert time.monotonic() - began < 5


def test_clients_that_never_read_do_not_block_others(
    address: tuple[str, int], client: FlaskClient, base: str, tmp_path: Path
) -> None:
    (trial, *_) = trials(client, base)
    request = f"GET {trial}/0 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as open_ones:
        for _ in range(20):
            deaf = open_ones.enter_context(socket.create_connection(address, timeout=10))
            deaf.sendall(50 * request)
        assert status(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b"HTTP/1.1 200 OK"
