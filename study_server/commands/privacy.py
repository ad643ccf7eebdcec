"""The commands `study forget` and `study anonymize`, which protect participants' data."""

from datetime import timedelta

import click
from sqlalchemy import Engine

from study_server.clock import now
from study_server.commands.context import SLUG_ARGUMENT, open_database
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.participants.withdrawal import (
    anonymize_participants,
    delete_participant,
    find_by_public_id,
)
from study_server.storage.engine import erase_deleted_data, write_session, write_transaction
from study_server.studies import lookup


@click.command()
@SLUG_ARGUMENT
@click.argument("participant")
def forget(slug: str, participant: str) -> None:
    """Delete a participant and all of their answers.

    This has the same effect as a withdrawal by the participant. PARTICIPANT is the ID in the
    exports. A SQLite file is rewritten so that no trace remains. In PostgreSQL, the rows are
    deleted at once; their bytes remain until VACUUM has run and the space is reused, and in
    archived logs. Earlier backups and exports still contain the data: delete them, too.
    """
    _, engine = open_database()
    with write_session(engine) as db:
        delete_participant(db, find_by_public_id(db, lookup.find_study(db, slug), participant))
    _erase_or_fail(engine)
    click.echo(f"{slug}: {participant} deleted")


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Minimum number of days since a participant was last seen.",
)
def anonymize(slug: str, days: int) -> None:
    """Anonymize participants last seen at least --days ago; their answers stay.

    This deletes the hash of their identity and disables their link. They could then take part again
    as new participants, and they can no longer withdraw. Run this command daily to enforce a
    retention period.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        count = anonymize_participants(
            db, lookup.find_study(db, slug), now() - timedelta(days=days)
        )
    _erase_or_fail(engine)
    click.echo(f"{slug}: {format_count(count, 'participant', 'participants')} anonymized")


def _erase_or_fail(engine: Engine) -> None:
    if not erase_deleted_data(engine):
        raise StudyError(
            "deleted, but the database was too busy to be rewritten; traces remain in its files "
            "until the next `study anonymize` or withdrawal"
        )
