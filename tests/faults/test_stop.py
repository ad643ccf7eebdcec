"""Tests that a server stopped by SIGTERM, as by systemd, finishes pending requests."""

import json
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import select

from study_server.protocol.model import Protocol
from study_server.storage.engine import read_session
from study_server.storage.models import Response
from tests.faults.servers import Server, serving
from tests.faults.test_two_servers import enroll_ada

ANSWER = {
    "answer": {"choice": 0},
    "rt_ms": 640,
    "first_ms": 100,
    "second_ms": 100,
    "id": "the-last",
}


def post(server: Server, token: str, path: str, body: object) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()


@pytest.mark.slow(3)
def test_a_stopping_server_stores_and_confirms_a_pending_answer(
    tmp_path: Path, sqlite_url: str, many: Path, protocol: Protocol
) -> None:
    with serving(tmp_path, sqlite_url, many, protocol) as ((server,), engine):
        token = enroll_ada(server)
        trials = json.loads(post(server, token, "/api/v1/resume", {})[1])["trials"]
        path = f"/api/v1/trials/{trials[0]['token']}/response"
        process = server.process
        assert process is not None
        lock = sqlite3.connect(str(engine.url.database), isolation_level=None)
        with closing(lock), ThreadPoolExecutor(1) as pool:
            lock.execute("BEGIN IMMEDIATE")
            sent = pool.submit(post, server, token, path, ANSWER)
            time.sleep(0.5)
            assert not sent.done()  # it waits for the lock
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            lock.execute("ROLLBACK")
            assert sent.result()[0] == 200
        assert process.wait(timeout=20) == 0
        with read_session(engine) as db:
            assert db.scalars(select(Response.message_id)).all() == ["the-last"]
