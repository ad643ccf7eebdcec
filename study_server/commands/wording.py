"""The commands `study wording`, `reword`, `revise` and `unfreeze`, which change a draft."""

from pathlib import Path

import click

from study_server.commands.context import (
    SLUG_ARGUMENT,
    STUDY_TOML_ARGUMENT,
    YES_OPTION,
    confirm,
    open_database,
)
from study_server.counts import format_count
from study_server.drafts.draft import draft_version
from study_server.drafts.freezing import unfreeze_study
from study_server.drafts.protocol_change import (
    change_protocol,
    deletes_rehearsals,
    describe_rehearsals,
    list_changed_keys,
)
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.protocol.study_toml import read_protocol
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE, log_action
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


@click.command()
@SLUG_ARGUMENT
def unfreeze(slug: str) -> None:
    """Return a frozen study to draft, as long as nobody has taken part.

    The study must not be open. Its old SHA-256 is kept in the log of actions, and its plan as the
    draft of the next one. Delete the old design.json yourself.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        log_action(db, slug, unfreeze_study(db, study), COMMAND_LINE)
    click.echo(f"{slug}: draft; change it, then run `study freeze {slug}` again")


@click.command()
@STUDY_TOML_ARGUMENT
@YES_OPTION
def revise(protocol_file: Path, yes: bool) -> None:
    """Change the protocol of an imported study that is still a draft.

    The stored images stay; `study import` replaces them, too. Texts for participants follow the
    protocol where they were not edited. Preview and simulated participants, who took part under the
    old protocol, are deleted.
    """
    protocol = read_protocol(protocol_file)
    _, engine = open_database()
    with read_session(engine) as db:
        study = lookup.find_study(db, protocol.slug)
        rehearsed = describe_rehearsals(db, study)
        keys = list_changed_keys(parse_stored_protocol(study.protocol), protocol)
    if rehearsed and deletes_rehearsals(keys):
        confirm(f"Delete {rehearsed}, who took part under the old protocol?", yes)
    with write_session(engine) as db:
        study = lookup.find_study(db, protocol.slug)
        change = change_protocol(db, study, protocol, version=draft_version(study))
        if change.changed_keys:
            log_action(db, protocol.slug, change.describe_action(), COMMAND_LINE)
        db.commit()
    click.echo(f"{protocol.slug}: {change.describe()}")
    for sentence in change.to_check:
        click.echo(f"check the texts: {sentence}")
