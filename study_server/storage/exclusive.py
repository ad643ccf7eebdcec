"""Work that only one thread of all server processes may do at a time."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from study_server.errors import StudyError

_NAMES_IN_USE: set[str] = set()
_GUARD = threading.Lock()  # of the set
TRY_LOCK = text("SELECT pg_try_advisory_lock(:key)")
UNLOCK = text("SELECT pg_advisory_unlock(:key)")


@contextmanager
def exclusively(engine: Engine, name: str, problem: str) -> Iterator[None]:
    """Run a block that nobody else runs under this name; raise StudyError(problem) if one does.

    SQLite has one server process, so that a lock of this process is enough there.
    """
    with _in_this_process(name, problem):
        if engine.dialect.name != "postgresql":
            yield
            return
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            if not connection.scalar(TRY_LOCK, {"key": key}):
                raise StudyError(problem)
            try:
                yield
            finally:
                connection.execute(UNLOCK, {"key": key})


@contextmanager
def _in_this_process(name: str, problem: str) -> Iterator[None]:
    with _GUARD:
        if name in _NAMES_IN_USE:
            raise StudyError(problem)
        _NAMES_IN_USE.add(name)
    try:
        yield
    finally:
        with _GUARD:
            _NAMES_IN_USE.discard(name)
