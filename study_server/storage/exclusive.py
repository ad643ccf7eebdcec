"""Work that only one thread of all processes may do at a time."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import Engine, text

from study_server.errors import StudyError

TRY_LOCK = text("SELECT pg_try_advisory_lock(:key)")
UNLOCK = text("SELECT pg_advisory_unlock(:key)")


@contextmanager
def exclusively(engine: Engine, name: str, problem: str) -> Iterator[None]:
    """Run a block that nobody else runs under this name; raise StudyError(problem) if one does.

    name: letters, with SQLite the ending of a file beside the database.
    """
    lock = _lock_on_postgresql if engine.dialect.name == "postgresql" else _lock_beside_sqlite
    with lock(engine, name, problem):
        yield


@contextmanager
def _lock_on_postgresql(engine: Engine, name: str, problem: str) -> Iterator[None]:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.scalar(TRY_LOCK, {"key": key}):
            raise StudyError(problem)
        try:
            yield
        finally:
            connection.execute(UNLOCK, {"key": key})


@contextmanager
def _lock_beside_sqlite(engine: Engine, name: str, problem: str) -> Iterator[None]:
    lock = FileLock(f"{engine.url.database}.{name}.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise StudyError(problem) from error
    try:
        yield
    finally:
        lock.release()
