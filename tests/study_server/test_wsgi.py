"""`study serve`: what it does with connections, and how it ends."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from flask import Flask

from tests.commands import Run, call
from tests.faults.servers import STUDY, Server, is_well, started, wait_until_free
from tests.study_server.browsing import consent

pytestmark = pytest.mark.slow(15)

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server without studies."""
    server = new_server(tmp_path_factory.mktemp("server"))
    with started(server):
        yield server


def new_server(folder: Path) -> Server:
    return Server(folder, f"sqlite:///{folder / 'study.sqlite'}")


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        yield connection


def receive(connection: socket.socket, responses: int) -> bytes:
    """Read until so many responses have come, each of them a whole page."""
    received = b""
    while received.count(b"</html>") < responses:
        more = connection.recv(65536)
        assert more, received
        received += more
    return received


def workers(server: Server) -> list[int]:
    """The processes that answer."""
    assert server.process is not None
    parent = f"PPid:\t{server.process.pid}\n"
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if parent in status.read_text():
                found.append(int(status.parent.name))
        except OSError:  # it has ended
            continue
    return found


def test_a_connection_stays_open(server: Server) -> None:
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert receive(connection, 1).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_connection_stays_open_after_a_head_request(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(GET.replace(b"GET", b"HEAD"))
        head = connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert head.endswith(b"\r\n\r\n")
        connection.sendall(GET)
        receive(connection, 1)


def test_requests_that_come_together_are_answered_in_their_order(server: Server) -> None:
    unknown = GET.replace(b"/ ", b"/nothing ")
    with connected(server) as connection:
        connection.sendall(GET + unknown + GET)
        received = receive(connection, 3)
        assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404", b"200"]


def test_a_client_that_wants_the_connection_closed_gets_it_closed(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        receive(connection, 1)
        assert connection.recv(65536) == b""


def test_two_hundred_connections_at_once_are_answered(server: Server) -> None:
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for connection in connections:
            connection.sendall(GET)
        for connection in connections:
            connection.settimeout(60)
            receive(connection, 1)
    finally:
        for connection in connections:
            connection.close()


def test_clients_that_disconnect_in_a_request_block_no_other(server: Server) -> None:
    unfinished = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    at_once = struct.pack("ii", 1, 0)  # closing resets the connection
    for _ in range(300):
        with connected(server) as rude:
            rude.sendall(GET + unfinished)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    with connected(server) as connection:
        connection.sendall(GET)
        receive(connection, 1)


def serve_here(server: Server, monkeypatch: pytest.MonkeyPatch, *options: str) -> Run:
    """Run `study serve` in this process with the server's settings; it must be refused."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return call("study", "serve", *options)


def test_a_second_server_on_the_same_port_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = serve_here(server, monkeypatch, "--port", str(server.port))
    assert run.returncode == 2
    assert "use another --port" in run.stderr
    assert run.stderr.count("\n") == 1


def test_more_than_one_worker_is_refused_on_sqlite(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = serve_here(server, monkeypatch, "--workers", "2")
    assert run.returncode == 2
    assert "SQLite allows one writer at a time" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_system_that_allows_too_few_open_files_is_refused(server: Server) -> None:
    for allowed, options in ((257, ""), (319, ""), (900, "--threads 512")):
        serve = f"ulimit -n {allowed}; exec {STUDY} serve {options}"
        run = subprocess.run(
            ["sh", "-c", serve], env=server.environment, capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 2
        assert f"the system allows {allowed:,} open files" in run.stderr
        assert run.stderr.count("\n") == 1


def test_a_server_with_few_open_files_answers_while_browsers_are_idle(tmp_path: Path) -> None:
    server = new_server(tmp_path)
    serve = f"ulimit -n 400; exec {STUDY} serve --port {server.port}"
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(
            ["sh", "-c", serve], env=server.environment, stdout=log, stderr=log
        )
    try:
        server.wait()
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
        assert is_well(server.port)
        for connection in idle:
            connection.close()
    finally:
        server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_stops_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    server = new_server(tmp_path)
    with started(server), connected(server) as idle:
        idle.sendall(GET)
        receive(idle, 1)
        assert server.process is not None
        server.process.send_signal(number)
        assert server.process.wait(timeout=20) == 0
        assert idle.recv(65536) == b""


def test_a_worker_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    server = new_server(tmp_path)
    with started(server):
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        wait_until_free(server.port)


def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    server = new_server(tmp_path)
    with started(server):
        (worker,) = workers(server)
        os.kill(worker, signal.SIGKILL)
        for _ in range(200):
            if workers(server) not in ([], [worker]) and is_well(server.port):
                return
            time.sleep(0.1)
        pytest.fail("no worker answers")


def test_a_worker_starts_where_processes_are_not_forked(tmp_path: Path) -> None:
    """Pretend to be on macOS or Windows."""
    server = new_server(tmp_path)
    program = (
        "import multiprocessing, sys\n"
        "from study_server.cli import main\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    main()\n"
    )
    script = tmp_path / "spawn.py"
    script.write_text(program)
    command = [sys.executable, str(script), "serve", "--port", str(server.port)]
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(command, env=server.environment, stdout=log, stderr=log)
    try:
        server.wait()
    finally:
        server.stop()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_both_images_of_a_pair_come_with_the_same_headers(app: Flask, database_url: str) -> None:
    client = app.test_client()
    trials = client.get(f"{consent(client)}/trials").get_json()["trials"]
    server = Server(app.extensions["settings"].instance_folder.parent, database_url)
    with started(server):
        for trial in trials:
            left, right = (
                httpx.get(f"{server.address}{image['image']}", trust_env=False)
                for image in trial["slots"]
            )
            assert (left.status_code, right.status_code) == (200, 200)
            assert left.content != right.content
            undated = {"date": ""}
            assert dict(left.headers) | undated == dict(right.headers) | undated
