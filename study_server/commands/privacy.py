"""The commands `study forget` and `study anonymize`, which protect participants' data."""

from datetime import timedelta

import click

from study_server.clock import now
from study_server.commands.context import SLUG_ARGUMENT, open_database
from study_server.commands.jobs import erase_traces
from study_server.counts import format_count
from study_server.participants.withdrawal import (
    anonymize_participant,
    anonymize_participants,
    delete_participant,
    delete_rehearsals,
    find_by_public_id,
)
from study_server.simulation.rehearsals import describe_deletion, require_no_simulation
from study_server.storage.engine import write_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE, log_action


@click.command()
@SLUG_ARGUMENT
@click.argument("participant")
def forget(slug: str, participant: str) -> None:
    """Delete a participant and all of their answers.

    This has the same effect as a withdrawal by the participant. PARTICIPANT is the ID in the
    exports. The rows are deleted immediately. Traces in the database's files are erased now if
    nobody is answering, otherwise later by the server or by `study jobs run`; PostgreSQL's
    archived logs still contain them. Earlier backups and exports still contain the data: delete
    them, too.
    """
    _, engine = open_database()
    with write_session(engine) as db:
        delete_participant(db, find_by_public_id(db, lookup.find_study(db, slug), participant))
    click.echo(f"{slug}: {participant} deleted")
    erase_traces(engine)


@click.command("forget-rehearsals")
@SLUG_ARGUMENT
def forget_rehearsals(slug: str) -> None:
    """Delete all preview and simulated participants of a study.

    Live participants are not touched. Traces in the database's files are erased as by `study
    forget`.
    """
    _, engine = open_database()
    with write_session(engine) as db:
        study = lookup.find_study(db, slug)
        require_no_simulation(db, study)
        count = delete_rehearsals(db, study)
        log_action(db, slug, describe_deletion(count), COMMAND_LINE)
        db.commit()
    click.echo(f"{slug}: {describe_deletion(count)}")
    erase_traces(engine)


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Minimum number of days since a participant was last seen.",
)
@click.option("--participant", metavar="ID", help="Anonymize only this participant, today.")
def anonymize(slug: str, days: int, participant: str | None) -> None:
    """Anonymize participants last seen at least --days ago; their answers stay.

    This deletes the hash of their identity and the parameters of the link by which they came, and
    disables their own link. They could then take part again
    as new participants, and they can no longer withdraw. Run this command daily to enforce a
    retention period. ID is the ID in the exports.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        if participant is None:
            count = anonymize_participants(db, study, now() - timedelta(days=days))
        else:
            anonymize_participant(db, find_by_public_id(db, study, participant))
            count = 1
    click.echo(f"{slug}: {format_count(count, 'participant', 'participants')} anonymized")
    erase_traces(engine)
