"""The server dies in the middle of its work: what people were told is saved is there, once."""

import asyncio
import json
from pathlib import Path
from random import Random

from sqlalchemy import text

from study_server.protocol import Protocol
from tests.faults.people import Ledger, Pace, compare, crowd
from tests.faults.servers import Server, serving

PEOPLE = 8
KILLS = {"sqlite": 6, "postgresql": 3}


async def kill_repeatedly(server: Server, kills: int) -> Ledger:
    stop, rng = asyncio.Event(), Random(0)
    ledger, people = crowd(server.address, "short", PEOPLE, Pace(), stop)
    for _ in range(kills):
        await until(ledger, rng.randrange(1, 20))
        await asyncio.sleep(rng.uniform(0, 0.03))  # somewhere in what it is at then
        await server.kill_and_restart()
    await until(ledger, 5)
    stop.set()
    await asyncio.gather(*people)
    return ledger


async def until(ledger: Ledger, more: int) -> None:
    """So many more answers are saved."""
    wanted = len(ledger.saved) + more
    async with asyncio.timeout(60):
        while len(ledger.saved) < wanted:
            await asyncio.sleep(0.002)


def test_a_killed_server_loses_no_answer_and_doubles_none(
    tmp_path: Path, database_url: str, many: Path, protocol: Protocol
) -> None:
    with serving(tmp_path, database_url, many, protocol) as ((server,), engine):
        ledger = asyncio.run(kill_repeatedly(server, KILLS[engine.dialect.name]))
        found = compare(engine, ledger)
        assert found.nothing, found
        assert found.stored >= len(ledger.saved)
        assert ledger.failures > 0  # the kills were felt
        assert ledger.refused == []
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert_blind(server.log)


def assert_blind(log: Path) -> None:
    """A line a request, and none with an address that is somebody's key."""
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            assert json.loads(line)["route"] in (
                "none", "/healthz", "/s/<slug>", "/p/<token>", "/p/<token>/trials",
                "/p/<token>/resume", "/p/<token>/environment",
                "/p/<token>/trials/<trial_token>/<any(left, right, center):place>",
                "/p/<token>/trials/<trial_token>/start",
                "/p/<token>/trials/<trial_token>/response",
            ), line  # fmt: skip
        else:
            assert line.startswith("studies:"), line
