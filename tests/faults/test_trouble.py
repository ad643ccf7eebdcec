"""Tests that nothing is lost if the database is locked, full or restarted under load."""

import asyncio
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from study_server.app import MAX_CONCURRENT_READS
from study_server.protocol.model import Protocol
from study_server.storage import engine as database
from tests.conftest import LiveStudy, serve_study
from tests.faults.people import Ledger, compare
from tests.faults.servers import serving
from tests.faults.trouble import locked, restart_postgresql, suffer, until, without_room
from tests.study_server.browsing import consent, csrf_token


def assert_nothing_lost(engine: Engine, ledger: Ledger) -> None:
    difference = compare(engine, ledger)
    assert difference.nothing, difference
    assert ledger.refused == []
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.fixture
def busy_for_300_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the busy timeout from 20 s, which only benchmarks/faults.py waits for."""
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "busy_timeout", "300")


@pytest.mark.slow(2)
@pytest.mark.usefixtures("busy_for_300_ms")
def test_a_locked_database_loses_nothing_and_can_be_read(
    tmp_path: Path, many: Path, protocol: Protocol
) -> None:
    async def lock(ledger: Ledger) -> None:
        async with locked(tmp_path / "study.sqlite"):
            await until(lambda: ledger.failures >= 5)
            before = len(ledger.saved)
            page = await asyncio.to_thread(live.app.test_client().get, "/s/short")
            assert (page.status_code, len(ledger.saved)) == (200, before)

    with serve_study(tmp_path, many, protocol) as live:
        ledger, _ = suffer(live.address, lock)
        assert_nothing_lost(live.engine, ledger)


@pytest.mark.slow(2)
def test_a_full_disk_is_reported_and_corrupts_nothing(
    tmp_path: Path, many: Path, protocol: Protocol
) -> None:
    async def fill(ledger: Ledger) -> None:
        with without_room(live.engine):
            await until(lambda: ledger.failures >= 5)
            await asyncio.to_thread(assert_page_explains, live)

    with serve_study(tmp_path, many, protocol) as live:
        ledger, _ = suffer(live.address, fill)
        assert_nothing_lost(live.engine, ledger)


def assert_page_explains(live: LiveStudy) -> None:
    """A new participant gets a page that explains the failure, and a Retry-After header."""
    client = live.app.test_client()
    form = {"csrf_token": csrf_token(client.get("/s/short")), "consent": "yes"}
    page = client.post("/s/short", data=form)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "The server can’t save anything right now." in page.text


@pytest.mark.slow(4)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_postgresql_loses_nothing(
    mode: str, tmp_path: Path, database_url: str, many: Path, protocol: Protocol
) -> None:
    async def restart(_ledger: Ledger) -> None:
        await asyncio.to_thread(restart_postgresql, engine, mode)

    with serving(tmp_path, database_url, many, protocol) as ((server,), engine):
        ledger, _ = suffer(server.address, restart)
        assert_nothing_lost(engine, ledger)


def test_requests_whose_connection_breaks_do_not_keep_others_waiting(app: Flask) -> None:
    client = app.test_client()
    base = consent(client)

    def break_off(_connection: Connection) -> None:
        raise OperationalError("ROLLBACK", {}, Exception("the connection is closed"))

    event.listen(app.extensions["engine"], "rollback", break_off)
    for _ in range(MAX_CONCURRENT_READS):
        client.get(base)
    event.remove(app.extensions["engine"], "rollback", break_off)
    slots = app.extensions["read_slots"]
    assert [slots.acquire(blocking=False) for _ in range(MAX_CONCURRENT_READS)] == [
        True
    ] * MAX_CONCURRENT_READS
