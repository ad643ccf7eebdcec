"""`study wording`, `reword`: what participants read is written, and taken in again."""

from pathlib import Path

import click

from study_server import studies
from study_server.commands.opening import open_database
from study_server.commands.options import STUDY_TOML
from study_server.database import transaction
from study_server.protocol import Protocol, read_protocol
from study_server.wording.files import list_unfilled, read_wording, write_wording
from study_server.wording.stored import reword as reword_study


@click.command()
@STUDY_TOML
def wording(protocol_file: Path) -> None:
    """Write those texts of a study that are missing, to edit them.

    For instance after another question has made the old text wrong, and it was removed. What is
    there stays as it is.
    """
    protocol = read_protocol(protocol_file)
    folder = protocol_file.parent / protocol.wording
    written = write_wording(protocol, folder)
    click.echo(f"{folder}: {len(written)} files written" if written else f"{folder}: all there")
    for file in written:
        click.echo(file)


@click.command()
@STUDY_TOML
def reword(protocol_file: Path) -> None:
    """Take edited texts into a study that was imported and is not frozen yet.

    The title and the languages of the protocol, too. `study preview` shows the result.
    """
    protocol = read_protocol(protocol_file)
    folder = protocol_file.parent / protocol.wording
    texts = read_wording(protocol, folder)
    _, engine = open_database()
    with transaction(engine) as db:
        reword_study(db, protocol, studies.find(db, protocol.slug), texts)
    click.echo(f"{protocol.slug}: {len(texts)} texts stored")
    tell_unfilled(protocol, folder)


def tell_unfilled(protocol: Protocol, folder: Path) -> None:
    """What the freeze will ask for."""
    for place in list_unfilled(protocol, folder):
        click.echo(f"to fill in before the freeze: {place}")
