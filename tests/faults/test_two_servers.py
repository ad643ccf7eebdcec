"""Tests that two servers on one SQLite file behave like one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from json import dumps, loads
from pathlib import Path

import pytest

from study_server.protocol.model import Protocol
from tests.faults import loops
from tests.faults.people import Difference, Ledger, Pace, compare, start_participants
from tests.faults.servers import Server, serving

PEOPLE = 4  # per server


async def answer_at(servers: list[Server]) -> Ledger:
    """Run participants on all servers and return the combined ledger."""
    stop = asyncio.Event()
    groups = [
        start_participants(server.address, "short", PEOPLE, Pace(), stop) for server in servers
    ]
    async with asyncio.timeout(60):
        while any(len(ledger.saved) < 25 for ledger, _ in groups):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*(person for _, people in groups for person in people))
    both = Ledger()
    for ledger, _ in groups:
        both.sent |= ledger.sent
        both.saved |= ledger.saved
        both.failures += ledger.failures
    return both


@pytest.mark.slow(4)
def test_two_servers_on_one_file_lose_nothing_and_share_participants(
    tmp_path: Path, sqlite_url: str, many: Path, protocol: Protocol
) -> None:
    with serving(tmp_path, sqlite_url, many, protocol, servers=2) as (servers, engine):
        ledger = loops.run(answer_at(servers))
        assert ledger.failures == 0
        difference = compare(engine, ledger)
        assert difference == Difference(len(ledger.saved), 0, 0, 0, 0)
        with ThreadPoolExecutor(8) as threads:
            tokens = set(threads.map(enroll_ada, servers * 8))
        assert len(tokens) == 1


def enroll_ada(server: Server) -> str:
    """Enroll the same participant through the API and return the token."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/api/v1/studies/short")
    texts = loads(connection.getresponse().read())["texts"]["en"]
    body = {"consent": True, "consent_version": texts["consent_version"], "language": "en"}
    headers = {"Content-Type": "application/json"}
    connection.request(
        "POST", "/api/v1/studies/short/participants", dumps(body | {"external_id": "ada"}), headers
    )
    token = str(loads(connection.getresponse().read())["token"])
    connection.close()
    return token
