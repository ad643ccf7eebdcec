"""The commands `study check`, `backup`, `restore` and `upgrade`, which maintain the database."""

from pathlib import Path

import click

from study_server.clock import now
from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    open_database,
    open_engine_of_settings,
)
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.queue import request_job
from study_server.storage.backup import backup_path, write_backup
from study_server.storage.backup import restore_backup as restore_backup
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.plan_counts import find_differences
from study_server.storage.schema import latest_revision, read_revision
from study_server.storage.schema import upgrade as upgrade_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import JobKind


@click.command()
@SLUG_ARGUMENT
def check(slug: str) -> None:
    """Count again what was planned for participants, and compare it with the stored counters.

    Enrollment balances methods and images by these counters.
    """
    _, engine = open_database()
    with read_session(engine) as db:
        differences = find_differences(db, find_study(db, slug))
    for line in differences:
        click.echo(line)
    if differences:
        number = format_count(len(differences), "counter is", "counters are")
        raise StudyError(f"study {slug!r}: {number} wrong; please report this")
    click.echo(f"{slug}: all counters are right")


@click.command()
@click.argument("file", type=PATH_TYPE)
def backup(file: Path) -> None:
    """Back up the database to one file; safe while a study is running.

    FILE is a SQLite database, even if the study uses PostgreSQL; protect it as you protect the
    original. It does not contain the stimuli: copy instance/stimuli after every import.
    """
    _, engine = open_database()
    write_backup(engine, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {latest_revision()}")


@click.command()
@click.argument("file", type=PATH_TYPE)
def restore(file: Path) -> None:
    """Replace the whole database with a backup.

    The current database is first backed up to instance/backups. Participants who withdrew after
    the backup are restored with it; they are listed so that you can delete them again. A backup of
    either database, SQLite or PostgreSQL, can be restored into the other.
    """
    settings, engine = open_database()
    safety_copy = backup_path(settings.backups_folder, "before-restore", now())
    reappeared = restore_backup(engine, file, safety_copy)
    safety_copy_text = (
        f"; the previous database is in {safety_copy}" if safety_copy.exists() else ""
    )
    with write_transaction(engine) as db:  # the replaced rows have left traces, too
        request_job(db, JobKind.ERASE_TRACES, requested_by="restore")
    click.echo(f"{file}: restored{safety_copy_text}")
    for slug, participant in reappeared:
        click.echo(
            f"{participant} is back; if they had withdrawn, run "
            f"`study forget {slug} {participant}`",
            err=True,
        )


@click.command()
def upgrade() -> None:
    """Upgrade the database to the current schema.

    The database is first backed up to instance/backups.
    """
    settings, engine = open_engine_of_settings()
    with engine.connect() as connection:
        before = read_revision(connection)
    if before is not None and before != latest_revision():
        backup_file = backup_path(settings.backups_folder, f"schema-{before}", now())
        write_backup(engine, backup_file)
        click.echo(f"{backup_file}: backed up")
    upgrade_schema(engine)
    click.echo(f"schema {before or 'none'} -> {latest_revision()}")
