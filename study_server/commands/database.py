"""`study backup`, `restore`, `upgrade`: the database is looked after."""

from pathlib import Path

import click

from study_server.clock import now
from study_server.commands.context import PATH_TYPE, open_database, open_engine_of_settings
from study_server.storage.backup import backup_path, write_backup
from study_server.storage.backup import restore_backup as restore_backup
from study_server.storage.schema import latest_revision, read_revision
from study_server.storage.schema import upgrade as upgrade_schema


@click.command()
@click.argument("file", type=PATH_TYPE)
def backup(file: Path) -> None:
    """Copy the database to one file, of one moment, while people answer.

    FILE is a SQLite database with every row, whichever database is in use; keep it as secret
    as
    that. Stimuli are not in it: copy instance/stimuli once, they never change.
    """
    _, engine = open_database()
    write_backup(engine, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {latest_revision()}")


@click.command()
@click.argument("file", type=PATH_TYPE)
def restore(file: Path) -> None:
    """Put a backup in the place of the whole database.

    What is there now is backed up to instance/backups first. Whoever withdrew after the backup was
    made comes back with it and is named, to be forgotten again. A backup of SQLite can be restored
    to PostgreSQL and the other way round.
    """
    settings, engine = open_database()
    safety_copy = backup_path(settings.backups_folder, "before-restore", now())
    reappeared = restore_backup(engine, file, safety_copy)
    safety_copy_text = f", what it replaced is {safety_copy}" if safety_copy.exists() else ""
    click.echo(f"{file}: restored{safety_copy_text}")
    for slug, name in reappeared:
        click.echo(f"back again: `study forget {slug} {name}` if they withdrew", err=True)


@click.command()
def upgrade() -> None:
    """Bring the database to the schema of this program.

    It is backed up to instance/backups first.
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
