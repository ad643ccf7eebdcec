"""`study forget` and `anonymize`: what participants were promised."""

from datetime import timedelta

import click
from sqlalchemy import Engine

from study_server.clock import now
from study_server.commands.context import SLUG_ARGUMENT, open_database
from study_server.errors import StudyError
from study_server.participants.withdrawal import anonymize_participants as cut_identities
from study_server.participants.withdrawal import delete_participant, find_by_public_id
from study_server.storage.engine import erase_deleted_data, write_session, write_transaction
from study_server.studies import lookup


@click.command()
@SLUG_ARGUMENT
@click.argument("participant")
def forget(slug: str, participant: str) -> None:
    """Delete one participant with every answer.

    As if they had withdrawn themselves. PARTICIPANT is the id in the exports. SQLite's file is
    written anew, so that no trace stays in it. PostgreSQL's rows are gone at once; their bytes go
    when VACUUM has come by and the space is used again, and its archived logs keep them. So do
    backups and exports made before: delete those in time.
    """
    _, engine = open_database()
    with write_session(engine) as db:
        delete_participant(db, find_by_public_id(db, lookup.find_study(db, slug), participant))
    _erase_or_fail(engine)
    click.echo(f"{slug}: nothing of {participant} is left")


@click.command()
@SLUG_ARGUMENT
@click.option("--days", type=click.IntRange(min=0), default=30, show_default=True)
def anonymize(slug: str, days: int) -> None:
    """Cut what leads to the people last seen so many days ago; their answers stay.

    The hash of who they are is deleted and their link stops working: they could come again as
    somebody new, and can no longer withdraw. Run it daily for a retention period.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        cut = cut_identities(db, lookup.find_study(db, slug), now() - timedelta(days=days))
    _erase_or_fail(engine)
    click.echo(f"{slug}: {cut} participants are anonymous now")


def _erase_or_fail(engine: Engine) -> None:
    if not erase_deleted_data(engine):
        raise StudyError(
            "deleted, but the database was too busy to be written anew: traces stay in its files "
            "until the next `study anonymize` or withdrawal"
        )
