"""Tests that a backup made under load contains every answer that was saved before it began."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine

from study_server.protocol.model import Protocol
from study_server.storage.backup import restore_backup, write_backup
from study_server.storage.engine import open_engine
from study_server.storage.schema import ensure_current_schema
from tests.faults import loops
from tests.faults.people import Ledger, Pace, compare, start_participants
from tests.faults.servers import serving


async def back_up_under_load(address: str, engine: Engine, file: Path) -> tuple[Ledger, Ledger]:
    """Return the confirmed answers before the backup, and at the end."""
    stop = asyncio.Event()
    ledger, people = start_participants(address, "short", 6, Pace(), stop)
    async with asyncio.timeout(60):
        while len(ledger.saved) < 20:
            await asyncio.sleep(0.02)
    before = dict(ledger.saved)
    await asyncio.to_thread(write_backup, engine, file)
    at_the_end_of_it = len(ledger.saved)
    async with asyncio.timeout(60):
        while len(ledger.saved) < at_the_end_of_it + 5:
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*people)
    return Ledger(sent=ledger.sent, saved=before), ledger


@pytest.mark.slow(3)
def test_a_restored_backup_has_every_answer_from_before_it(
    tmp_path: Path, database_url: str, many: Path, protocol: Protocol
) -> None:
    file = tmp_path / "kept.sqlite"
    with serving(tmp_path, database_url, many, protocol) as ((server,), engine):
        before, after = loops.run(back_up_under_load(server.address, engine, file))
        assert after.failures == 0
        assert compare(engine, after).nothing
        restored = open_engine(f"sqlite:///{tmp_path / 'restored.sqlite'}")
        ensure_current_schema(restored)
        restore_backup(restored, file, tmp_path / "replaced.sqlite")
        difference = compare(restored, before)
        assert difference.nothing, difference
        assert len(before.saved) <= difference.stored < compare(engine, after).stored
        restored.dispose()
