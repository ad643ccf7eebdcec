"""Back up the database to one SQLite file and restore it, while a study may be running.

A SQLite database is copied page by page in one step (https://sqlite.org/backup.html), PostgreSQL
row by row within one REPEATABLE READ snapshot. A backup of either can therefore be restored to
either. Backups do not contain stimuli, which never change after the import.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL, Connection, DateTime, Engine, MetaData, Table, event, select, text
from sqlalchemy.exc import DatabaseError

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.storage.engine import open_engine, read_session, writable_engine
from study_server.storage.models import Study, UtcDateTime
from study_server.storage.schema import ensure_current_schema, read_revision, upgrade

ROWS_PER_BATCH = 1000
SELECT_PARTICIPANTS = """
SELECT study.slug, participant.public_id FROM participant JOIN study ON study_id = study.id
"""


def write_backup(engine: Engine, file: Path) -> None:
    """Write the current state of the database to a file, without blocking other users.

    Raises StudyError if `file` exists.
    """
    if file.exists():
        raise StudyError(f"{file} already exists; use another name, or remove it")
    # it will contain the keys that identities are hashed with
    with atomic_write(file, private=True) as temporary:
        if engine.dialect.name == "sqlite":
            with engine.connect() as source:
                _copy_pages(source.connection.driver_connection, temporary)
        else:
            _copy_snapshot(engine, temporary)


def backup_path(folder: Path, reason: str, moment: datetime) -> Path:
    """Return the path of a new automatic backup: instance/backups/20260105T100000-REASON.sqlite.

    Another backup of the same second gets a number, because it may be the one that is restored.
    """
    stem = f"{moment:%Y%m%dT%H%M%S}-{reason}"
    names = chain([f"{stem}.sqlite"], (f"{stem}-{number}.sqlite" for number in count(2)))
    return next(path for name in names if not (path := folder / name).exists())


def restore_backup(engine: Engine, file: Path, safety_copy: Path) -> list[tuple[str, str]]:
    """Replace all rows of the database by those of a backup. Writers wait in the meantime.

    safety_copy: where the current database is backed up first, unless it has no studies.
    Returns the (slug, participant) of each participant whom the database no longer had: they may
    have withdrawn. Raises StudyError if `file` is not a backup of this program.
    """
    ensure_current_schema(engine)
    with TemporaryDirectory(prefix="restore-") as folder:
        copy = Path(folder) / "backup.sqlite"
        _copy_upgraded(file, copy)
        with read_session(engine) as db:
            had_studies = db.scalar(select(Study.id).limit(1)) is not None
        if had_studies:
            write_backup(engine, safety_copy)
        with (
            _open_sqlite(copy) as backup,
            backup.connect() as source,
            writable_engine(engine).begin() as target,
        ):
            reappeared = _replace_rows(source, target)
        return reappeared if had_studies else []


def _copy_upgraded(file: Path, copy: Path) -> None:
    """Copy a backup and upgrade the copy to the current schema."""
    if not file.is_file():
        raise StudyError(f"{file}: no such file; create one with `study backup`")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
            _copy_pages(source, copy)
        with _open_sqlite(copy) as engine:
            with engine.connect() as connection:
                if read_revision(connection) is None:
                    raise StudyError(
                        f"{file}: contains no studies; use a file written by `study backup`"
                    )
            upgrade(engine)
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise StudyError(f"{file}: not a valid backup: {error}") from error


@contextmanager
def _open_sqlite(file: Path) -> Iterator[Engine]:
    engine = open_engine(URL.create("sqlite", database=str(file)))
    try:
        yield engine
    finally:
        engine.dispose()


def _replace_rows(source: Connection, target: Connection) -> list[tuple[str, str]]:
    tables = _reflect(source)
    backed_up, present = (
        {(slug, public_id) for slug, public_id in connection.execute(text(SELECT_PARTICIPANTS))}
        for connection in (source, target)
    )
    _delete_rows(target, tables)
    _copy_rows(source, target, tables)
    _reset_sequences(target, tables)
    return sorted(backed_up - present)


def _copy_pages(source: Any, file: Path) -> None:
    """Copy all pages in one step, so that the copy is consistent."""
    with closing(sqlite3.connect(file)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a separate log


def _copy_snapshot(engine: Engine, file: Path) -> None:
    with (
        _open_sqlite(file) as copy,
        engine.execution_options(isolation_level="REPEATABLE READ").connect() as source,
    ):
        revision = read_revision(source)
        assert revision is not None  # an empty database gets its schema before a backup
        upgrade(copy, revision)
        with writable_engine(copy).begin() as target:
            _copy_rows(source, target, _reflect(source))
        with copy.connect() as target:
            driver: Any = target.connection.driver_connection
            driver.execute("PRAGMA journal_mode=DELETE")


def _reflect(connection: Connection) -> list[Table]:
    """Return the tables as the database has them, parents first; its schema may be an older one."""
    metadata = MetaData()

    @event.listens_for(metadata, "column_reflect")
    def keep_utc(_inspector: object, _table: Table, column: Any) -> None:
        if isinstance(column["type"], DateTime):
            column["type"] = UtcDateTime()

    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def _copy_rows(source: Connection, target: Connection, tables: list[Table]) -> None:
    for table in tables:
        rows = source.execution_options(yield_per=ROWS_PER_BATCH).execute(select(table))
        for batch in rows.mappings().partitions():
            target.execute(table.insert(), [dict(row) for row in batch])


def _delete_rows(target: Connection, tables: list[Table]) -> None:
    """Delete all rows. PostgreSQL locks the tables parents first, the order that writers use."""
    if target.dialect.name == "postgresql":
        target.exec_driver_sql(f"TRUNCATE {', '.join(table.name for table in tables)}")
        return
    for table in reversed(tables):
        target.execute(table.delete())


def _reset_sequences(target: Connection, tables: list[Table]) -> None:
    """Let PostgreSQL continue after the highest number; SQLite does so by default."""
    if target.dialect.name == "postgresql":
        for table in tables:
            for column in table.primary_key:
                if column is table.autoincrement_column:
                    target.exec_driver_sql(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "
                        f"COALESCE(MAX({column.name}), 0) + 1, false) FROM {table.name}"
                    )
