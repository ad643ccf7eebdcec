"""A backup: one SQLite file with every row, of whichever database, made while answers come in.

SQLite is copied page by page in one step (https://sqlite.org/backup.html), PostgreSQL row by row
within one REPEATABLE READ snapshot, so that a backup of either can be restored to either. Stimuli
are not in it: they never change after the import.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
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
SELECT_PARTICIPANTS = (
    "SELECT study.slug, participant.public_id FROM participant JOIN study ON study_id = study.id"
)


def write_backup(engine: Engine, file: Path) -> None:
    """Write the database as it is at this moment; nobody waits for it.

    Raises StudyError when `file` is already there.
    """
    if file.exists():
        raise StudyError(f"{file} is already there; give another name, or remove it")
    with atomic_write(file) as temporary:
        temporary.touch(mode=0o600)  # it will hold the keys that identities are hashed with
        if engine.dialect.name == "sqlite":
            with engine.connect() as source:
                _copy_pages(source.connection.driver_connection, temporary)
        else:
            _copy_snapshot(engine, temporary)


def backup_path(folder: Path, why: str, moment: datetime) -> Path:
    """Where a backup lies that nobody gave a name: instance/backups/20260105T100000-WHY.sqlite."""
    return folder / f"{moment:%Y%m%dT%H%M%S}-{why}.sqlite"


def restore_backup(engine: Engine, file: Path, safety_copy: Path) -> list[tuple[str, str]]:
    """Put the rows of a backup in the place of all others; who writes meanwhile waits.

    safety_copy: where the database goes first that this replaces, unless it has no studies.
    Returns the (slug, participant) of whom it no longer had: perhaps they withdrew.
    Raises StudyError when `file` is no backup of this program.
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
    """A backup brought to the current schema; the file itself stays as it was."""
    if not file.is_file():
        raise StudyError(f"{file}: no such file; `study backup` writes one")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
            _copy_pages(source, copy)
        with _open_sqlite(copy) as engine:
            with engine.connect() as connection:
                if read_revision(connection) is None:
                    raise StudyError(f"{file}: no studies in it; give what `study backup` wrote")
            upgrade(engine)
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise StudyError(f"{file}: not readable as a backup: {error}") from error


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
        {(slug, name) for slug, name in connection.execute(text(SELECT_PARTICIPANTS))}
        for connection in (source, target)
    )
    _delete_rows(target, tables)
    _copy_rows(source, target, tables)
    _reset_sequences(target, tables)
    return sorted(backed_up - present)


def _copy_pages(source: Any, file: Path) -> None:
    """All pages in one step, that is of one moment; what is written meanwhile is not in them."""
    with closing(sqlite3.connect(file)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, with none beside it


def _copy_snapshot(engine: Engine, file: Path) -> None:
    with (
        _open_sqlite(file) as copy,
        engine.execution_options(isolation_level="REPEATABLE READ").connect() as source,
    ):
        revision = read_revision(source)
        assert revision is not None  # an empty database has been filled
        upgrade(copy, revision)
        with writable_engine(copy).begin() as target:
            _copy_rows(source, target, _reflect(source))
        with copy.connect() as target:
            driver: Any = target.connection.driver_connection
            driver.execute("PRAGMA journal_mode=DELETE")


def _reflect(connection: Connection) -> list[Table]:
    """The tables as the database has them, parents first: its schema may be an older one."""
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
    """PostgreSQL locks the tables by this, in the order in which those who write come to them."""
    if target.dialect.name == "postgresql":
        target.exec_driver_sql(f"TRUNCATE {', '.join(table.name for table in tables)}")
        return
    for table in reversed(tables):
        target.execute(table.delete())


def _reset_sequences(target: Connection, tables: list[Table]) -> None:
    """PostgreSQL counts on from the highest number; SQLite does so by itself."""
    if target.dialect.name == "postgresql":
        for table in tables:
            for column in table.primary_key:
                if column is table.autoincrement_column:
                    target.exec_driver_sql(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "
                        f"COALESCE(MAX({column.name}), 0) + 1, false) FROM {table.name}"
                    )
