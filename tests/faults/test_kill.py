"""Tests that a killed server keeps every confirmed answer exactly once."""

import json
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from study_server.protocol.model import Protocol
from tests.faults.people import compare
from tests.faults.servers import serving
from tests.faults.trouble import kill, suffer

KILLS = {"sqlite": 6, "postgresql": 3}  # benchmarks/faults.py has 30 of each


@pytest.mark.slow(10)
def test_a_killed_server_neither_loses_nor_duplicates_answers(
    tmp_path: Path, database_url: str, many: Path, protocol: Protocol
) -> None:
    with serving(tmp_path, database_url, many, protocol) as ((server,), engine):
        kills = KILLS[engine.dialect.name]
        ledger, _ = suffer(server.address, kill(server, Random(0)), people=8, times=kills)
        difference = compare(engine, ledger)
        assert difference.nothing, difference
        assert difference.stored >= len(ledger.saved)
        assert ledger.failures > 0  # the kills interrupted requests
        assert ledger.refused == []
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert_blind(server.log)


def assert_blind(log: Path) -> None:
    """The log has one line per request, and none contains a participant's address."""
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            route = json.loads(line)["route"]
            assert route in ("none", "/healthz") or route.startswith(("/s/<slug>", "/p/<token>"))
        else:
            assert line.startswith("studies:"), line
