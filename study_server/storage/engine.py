"""Open the database so that commits survive a power cut and deleted data leave no trace."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from study_server.errors import StudyError
from study_server.files import make_private

LOG_ATTEMPTS, LOG_PAUSE_S = 50, 0.2  # to truncate SQLite's log
# The tables with data of participants, whose deleted rows must leave no trace.
PARTICIPANT_TABLES = (
    "participant", "identity", "screening", "submitted_page", "question_answer", "link_parameter",
    "environment", "trial", "trial_stimulus", "response", "judgment", "incident", "stored_counts",
)  # fmt: skip
SELECT_OTHER_SNAPSHOT = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
"""
POSTGRESQL_LOCK_TIMEOUT = "200ms"  # others queue behind a transaction that waits for a lock
LOCK_NOT_AVAILABLE = "55P03"
POSTGRESQL_POOL_SIZE = 20  # per process; PostgreSQL accepts 100 in total by default
SQLITE_POOL_SIZE = 64  # as many as the server has threads
SQLITE_LOG_SUFFIXES = ("-wal", "-shm")
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
        event.listen(engine, "do_connect", partial(_protect_files, engine.url.database or ""))
        event.listen(engine, "connect", _set_pragmas)
        _queue_writers(engine)
    return engine


def _protect_files(database: str, *_connection: object) -> None:
    """Let only the owner read a SQLite database, which holds answers and the keys of identities.

    SQLite gives its log and the index of the log the permissions of the database.
    """
    if database and database != ":memory:" and not database.startswith("file:"):
        make_private(Path(database), create=True)
        for suffix in SQLITE_LOG_SUFFIXES:
            make_private(Path(database + suffix))


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
        if connection.get_execution_options().get("transactions", True):
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
    """Rewrite the database's files without the traces of deleted rows.

    Meanwhile, nobody can write, and on PostgreSQL nobody can read. Returns False at once if other
    transactions prevent it. Raises DBAPIError, for example if the disk is full.
    """
    if engine.dialect.name == "sqlite":
        return _rewrite_sqlite(engine) and _truncate_log(engine)
    return _rewrite_postgresql(engine)


@contextmanager
def _without_waiting(engine: Engine) -> Iterator[Connection]:
    """Yield a SQLite connection outside transactions that does not wait for any lock."""
    with engine.execution_options(transactions=False).connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            yield connection
        finally:
            timeout = SQLITE_PRAGMAS["busy_timeout"]
            connection.exec_driver_sql(f"PRAGMA busy_timeout={timeout}")


def _rewrite_sqlite(engine: Engine) -> bool:
    """Rewrite the file of the database. Return False if another process is writing.

    secure_delete overwrites a deleted row, but not the copies that an earlier page split left in
    free space.
    """
    with _without_waiting(writable_engine(engine)) as connection:
        try:
            connection.exec_driver_sql("VACUUM")
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                return False
            raise
    return True


def _truncate_log(engine: Engine) -> bool:
    """Empty SQLite's log. Return False if a reader needs it for too long.

    To truncate the log, SQLite keeps all writers out and waits for the readers, so it must not
    wait. The slow part is done first, while others can still write.
    """
    with _without_waiting(engine) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        for attempt in range(LOG_ATTEMPTS):
            if attempt:
                time.sleep(LOG_PAUSE_S)
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if not busy:
                return True
    return False


def _rewrite_postgresql(engine: Engine) -> bool:
    """Rewrite the tables of participants. Return False if a lock or an old snapshot prevents it.

    A plain VACUUM leaves the bytes of dead rows in the free space of their pages.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if connection.exec_driver_sql(SELECT_OTHER_SNAPSHOT).first() is not None:
            return False  # VACUUM would keep the deleted rows for it
        connection.exec_driver_sql(f"SET lock_timeout = '{POSTGRESQL_LOCK_TIMEOUT}'")
        try:
            for table in PARTICIPANT_TABLES:
                connection.exec_driver_sql(f"VACUUM (FULL) {table}")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                return False
            raise
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
    return True
