"""The engine and its promises: a commit survives a power cut, what was deleted is gone."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from study_server.errors import StudyError

ERASE_RETRY_S = 10.0  # between two attempts to leave no trace of what was deleted
POOL_SIZE = 20  # connections of a process; PostgreSQL takes 100 in all unless told otherwise
SQLITE_PRAGMAS = {
    "journal_mode": "WAL",  # readers do not wait for the writer
    "synchronous": "FULL",  # NORMAL can lose acknowledged commits in a power cut
    "busy_timeout": "20000",
    "foreign_keys": "ON",
    "secure_delete": "ON",  # a withdrawn answer is overwritten, not only unlinked
}


def open_engine(url: str | URL) -> Engine:
    """An engine for a SQLite or PostgreSQL URL; raises StudyError when the URL is no such thing."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ArgumentError(f"{parsed.get_backend_name()} is neither sqlite nor postgresql")
        is_postgresql = parsed.get_backend_name() == "postgresql"
        if parsed.database and not is_postgresql:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed,
            hide_parameters=True,  # no answers in error messages
            poolclass=QueuePool,
            pool_size=POOL_SIZE,
            max_overflow=0 if is_postgresql else -1,  # SQLite: the server's threads are the limit
            pool_pre_ping=is_postgresql,  # it may have been restarted
        )
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StudyError(
            f"STUDY_DATABASE_URL: {error}; give sqlite:///FILE or postgresql+psycopg://..."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions by itself
    for name, value in SQLITE_PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _begin(connection: Connection) -> None:
    """Begin a transaction; a writer takes SQLite's lock at once, for an upgrade can be refused."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def read_session(engine: Engine) -> Session:
    """A session that only reads."""
    return Session(engine)


def snapshot_session(engine: Engine) -> Session:
    """A session that reads one moment of the database, however long it takes."""
    if engine.dialect.name == "postgresql":  # SQLite's transactions are that by themselves
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    return Session(engine)


def writable_engine(engine: Engine) -> Engine:
    """The same engine, whose transactions may write."""
    return engine.execution_options(writes=True)


def write_session(engine: Engine) -> Session:
    """A session that may write."""
    return Session(writable_engine(engine))


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Session]:
    """One transaction that commits at the end or leaves nothing behind."""
    with write_session(engine) as db, db.begin():
        yield db


def erase_deleted_data(engine: Engine) -> bool:
    """Leave nothing in SQLite's files of what was deleted; False: others were busy, try later.

    secure_delete overwrites a deleted row, but not the copies that splitting a page once left in
    its free space: so the file is written anew and its log emptied. PostgreSQL is left alone: dead
    rows go when VACUUM comes by.
    """
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("VACUUM")
        except sqlite3.OperationalError:
            return False
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def erase_deleted_data_eventually(engine: Engine) -> None:
    """Scrub, now or, where others are busy, as soon as they let it."""

    def keep_trying() -> None:
        while not erase_deleted_data(engine):
            time.sleep(ERASE_RETRY_S)

    if not erase_deleted_data(engine):
        threading.Thread(target=keep_trying, daemon=True).start()
