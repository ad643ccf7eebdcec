"""`study backup`, `restore`, `upgrade`: the database is looked after."""

from pathlib import Path

import click

from study_server.clock import now
from study_server.commands.context import FILE, connect, open_database
from study_server.storage.backup import back_up, name_backup
from study_server.storage.backup import restore as restore_backup
from study_server.storage.schema import current_schema, read_schema
from study_server.storage.schema import upgrade as upgrade_schema


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Copy the database to one file, of one moment, while people answer.

    FILE is a SQLite database with every row, whichever database is in use; keep it as secret as
    that. Stimuli are not in it: copy instance/stimuli once, they never change.
    """
    _, engine = open_database()
    back_up(engine, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {current_schema()}")


@click.command()
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Put a backup in the place of the whole database.

    What is there now is backed up to instance/backups first. Whoever withdrew after the backup was
    made comes back with it and is named, to be forgotten again. A backup of SQLite can be restored
    to PostgreSQL and the other way round.
    """
    settings, engine = open_database()
    replaced = name_backup(settings.backups_folder, "before-restore", now())
    returned = restore_backup(engine, file, replaced)
    kept = f", what it replaced is {replaced}" if replaced.exists() else ""
    click.echo(f"{file}: restored{kept}")
    for slug, name in returned:
        click.echo(f"back again: `study forget {slug} {name}` if they withdrew", err=True)


@click.command()
def upgrade() -> None:
    """Bring the database to the schema of this program.

    It is backed up to instance/backups first.
    """
    settings, engine = connect()
    with engine.connect() as connection:
        before = read_schema(connection)
    if before is not None and before != current_schema():
        kept = name_backup(settings.backups_folder, f"schema-{before}", now())
        back_up(engine, kept)
        click.echo(f"{kept}: backed up")
    upgrade_schema(engine)
    click.echo(f"schema {before or 'none'} -> {current_schema()}")
