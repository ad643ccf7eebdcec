"""Open the database so that commits survive a power cut and deleted data leave no trace."""

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

ERASE_RETRY_S = 10.0  # between two attempts to erase deleted data
POSTGRESQL_POOL_SIZE = 20  # per process; PostgreSQL accepts 100 in total by default
SQLITE_POOL_SIZE = 64  # as many as the server has threads
WRITER_LOCK = "writer_lock"  # where a connection keeps it
SQLITE_PRAGMAS = {
    "journal_mode": "WAL",  # readers do not wait for the writer
    "synchronous": "FULL",  # NORMAL can lose acknowledged commits in a power cut
    "busy_timeout": "20000",
    "foreign_keys": "ON",
    "secure_delete": "ON",  # a withdrawn answer is overwritten, not only unlinked
}


def open_engine(url: str | URL) -> Engine:
    """Return an engine for a SQLite or PostgreSQL URL; raises StudyError if the URL is invalid."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ArgumentError(f"{parsed.get_backend_name()} is not supported")
        is_postgresql = parsed.get_backend_name() == "postgresql"
        if parsed.database and not is_postgresql:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed,
            hide_parameters=True,  # error messages must not contain answers
            poolclass=QueuePool,
            pool_size=POSTGRESQL_POOL_SIZE if is_postgresql else SQLITE_POOL_SIZE,
            max_overflow=0 if is_postgresql else -1,
            pool_pre_ping=is_postgresql,  # the server may have been restarted
        )
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StudyError(
            f"STUDY_DATABASE_URL: {error}; use sqlite:///FILE or postgresql+psycopg://..."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        _queue_writers(engine)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions on its own
    for name, value in SQLITE_PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _queue_writers(engine: Engine) -> None:
    """Let the writers of this process wait in a queue before they ask for SQLite's lock.

    SQLite has no queue: a writer that finds the database locked sleeps and tries again, and under
    load some writers fail after the busy timeout. A writer takes SQLite's lock when its transaction
    begins, because upgrading a read lock later can fail.
    """
    lock = threading.Lock()

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        must_wait = writes and WRITER_LOCK not in connection.info
        if must_wait and lock.acquire(timeout=int(SQLITE_PRAGMAS["busy_timeout"]) / 1000):
            connection.info[WRITER_LOCK] = lock
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    def release(_connection: object, record: Any) -> None:
        if record.info.pop(WRITER_LOCK, None):
            lock.release()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", release)


def read_session(engine: Engine) -> Session:
    """Return a session that only reads."""
    return Session(engine)


def snapshot_session(engine: Engine) -> Session:
    """Return a session that sees one consistent state of the database throughout."""
    if engine.dialect.name == "postgresql":  # SQLite's transactions always do
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    return Session(engine)


def writable_engine(engine: Engine) -> Engine:
    """Return the engine with an option that lets its transactions write."""
    return engine.execution_options(writes=True)


def write_session(engine: Engine) -> Session:
    """Return a session that may write."""
    return Session(writable_engine(engine))


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Session]:
    """Yield a session in one transaction, which commits at the end or rolls back on an error."""
    with write_session(engine) as db, db.begin():
        yield db


def erase_deleted_data(engine: Engine) -> bool:
    """Erase the traces of deleted rows from SQLite's files.

    secure_delete overwrites a deleted row, but not the copies that an earlier page split left in
    free space. The file is therefore rewritten and its log truncated. Nothing is done for
    PostgreSQL, where VACUUM removes dead rows. Returns False if the database was too busy.
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
    """Erase the traces of deleted rows now, or in a thread as soon as the database is free."""

    def keep_trying() -> None:
        while not erase_deleted_data(engine):
            time.sleep(ERASE_RETRY_S)

    if not erase_deleted_data(engine):
        threading.Thread(target=keep_trying, daemon=True).start()
