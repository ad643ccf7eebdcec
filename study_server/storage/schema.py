"""The schema of the database: migrations forward and back, and whether it fits this program."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    """Bring the database to the current schema, or to another one on the way there."""
    with writable_engine(engine).connect() as connection, _schema_change(connection):
        command.upgrade(_alembic_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Back to an older schema; what that has no place for is lost."""
    with writable_engine(engine).connect() as connection, _schema_change(connection):
        command.downgrade(_alembic_config(connection), revision)


@contextmanager
def _schema_change(connection: Connection) -> Iterator[None]:
    """A transaction in which SQLite may copy a table: dropping the old one must not cascade."""
    sqlite = connection.dialect.name == "sqlite"
    driver: Any = connection.connection.driver_connection
    if sqlite:
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect once a transaction has begun
    try:
        with connection.begin():
            yield
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise StudyError("a migration would leave rows without their parents; report this")
    finally:
        if sqlite:
            driver.execute("PRAGMA foreign_keys=ON")


def latest_revision() -> str:
    """The revision that this program works with."""
    return str(ScriptDirectory.from_config(_alembic_config()).get_current_head())


def read_revision(connection: Connection) -> str | None:
    """The revision that the database has; None: it is empty. Raises StudyError on unknown ones."""
    revision = MigrationContext.configure(connection).get_current_revision()
    try:
        ScriptDirectory.from_config(_alembic_config()).get_revision(revision or "base")
    except CommandError as error:
        raise StudyError(
            f"the database has schema {revision}, this program {latest_revision()}; "
            "give another STUDY_DATABASE_URL, or use the program that made it"
        ) from error
    return revision


def ensure_current_schema(engine: Engine) -> None:
    """Fill an empty database with the current schema; raises StudyError on another schema."""
    try:
        with engine.connect() as connection:
            revision = read_revision(connection)
    except DatabaseError as error:
        raise StudyError(f"the database does not open: {error.orig}") from error
    if revision is None:
        upgrade(engine)
    elif revision != latest_revision():
        raise StudyError(
            f"the database has schema {revision}, this program {latest_revision()}; "
            "run `study upgrade`, which backs up first"
        )
