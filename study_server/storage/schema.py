"""Migrate the database schema, and check that it is the one that this program needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from study_server.errors import StudyError
from study_server.storage.engine import writable_engine


def _alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "study_server:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Upgrade the database to a revision, by default the latest."""
    with writable_engine(engine).connect() as connection, _schema_change(connection):
        command.upgrade(_alembic_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrade to an older schema. Data that it cannot hold are lost."""
    with writable_engine(engine).connect() as connection, _schema_change(connection):
        command.downgrade(_alembic_config(connection), revision)


@contextmanager
def _schema_change(connection: Connection) -> Iterator[None]:
    """Run a transaction without foreign keys on SQLite.

    Alembic alters a SQLite table by copying it, and dropping the old table must not cascade.
    Raises StudyError if the change would break foreign keys.
    """
    sqlite = connection.dialect.name == "sqlite"
    driver: Any = connection.connection.driver_connection
    if sqlite:
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    try:
        with connection.begin():
            yield
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise StudyError(
                    "the migration would break foreign keys, so nothing was changed; "
                    "please report this"
                )
    finally:
        if sqlite:
            driver.execute("PRAGMA foreign_keys=ON")


@cache
def _read_migrations() -> ScriptDirectory:
    """Read the program's migrations, once per process."""
    return ScriptDirectory.from_config(_alembic_config())


def latest_revision() -> str:
    """Return the revision that this program works with."""
    return str(_read_migrations().get_current_head())


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the database, or None if it is empty.

    Raises StudyError if this program does not know the revision.
    """
    revision = MigrationContext.configure(connection).get_current_revision()
    try:
        _read_migrations().get_revision(revision or "base")
    except CommandError as error:
        raise StudyError(
            f"the database has schema {revision}, which this version ({latest_revision()}) does "
            "not know; use the version that created it, or another STUDY_DATABASE_URL"
        ) from error
    return revision


def ensure_current_schema(engine: Engine) -> None:
    """Create the current schema in an empty database; raises StudyError if there is another one."""
    try:
        with engine.connect() as connection:
            revision = read_revision(connection)
    except DatabaseError as error:
        raise StudyError(f"cannot open the database: {error.orig}") from error
    if revision is None:
        upgrade(engine)
    elif revision != latest_revision():
        raise StudyError(
            f"the database has schema {revision}, but this version needs {latest_revision()}; "
            "run `study upgrade` (it makes a backup first)"
        )
