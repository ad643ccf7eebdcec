"""The commands `study wording` and `study reword`, which write and store the texts of a study."""

from pathlib import Path

import click

from study_server.commands.context import STUDY_TOML_ARGUMENT, open_database
from study_server.counts import format_count
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import read_protocol
from study_server.storage.engine import write_transaction
from study_server.studies import lookup
from study_server.wording.files import list_unfilled_places, read_wording, write_wording
from study_server.wording.stored import reword_study


@click.command()
@STUDY_TOML_ARGUMENT
def wording(protocol_file: Path) -> None:
    """Write the default for each missing text of a study.

    Use it, for example, after you have removed texts that no longer fit the protocol. Existing
    files are not changed.
    """
    protocol = read_protocol(protocol_file)
    folder = protocol_file.parent / protocol.wording
    written = write_wording(protocol, folder)
    files = format_count(len(written), "file", "files")
    click.echo(f"{folder}: {files} written" if written else f"{folder}: nothing is missing")
    for file in written:
        click.echo(file)


@click.command()
@STUDY_TOML_ARGUMENT
def reword(protocol_file: Path) -> None:
    """Update the texts of an imported study that is not yet frozen.

    The title and the languages are updated, too. Use `study preview` to see the result.
    """
    protocol = read_protocol(protocol_file)
    folder = protocol_file.parent / protocol.wording
    texts = read_wording(protocol, folder)
    _, engine = open_database()
    with write_transaction(engine) as db:
        reword_study(db, protocol, lookup.find_study(db, protocol.slug), texts)
    click.echo(f"{protocol.slug}: {format_count(len(texts), 'text', 'texts')} stored")
    print_unfilled_placeholders(protocol, folder)


def print_unfilled_placeholders(protocol: Protocol, folder: Path) -> None:
    """Print every place that must be filled in before the freeze."""
    for location in list_unfilled_places(protocol, folder):
        click.echo(f"fill in before `study freeze`: {location}")
