"""The command `study jobs`, which lists and runs background jobs, and the erasure of traces."""

import click
from sqlalchemy import Engine

from study_server.commands.context import open_database
from study_server.jobs.queue import list_jobs
from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import read_session
from study_server.storage.models import Job
from study_server.vocabulary import JobState


@click.group(no_args_is_help=False)
def jobs() -> None:
    """List and run background jobs, such as erasing the traces of withdrawn participants.

    A running server runs them automatically.
    """


@jobs.command("list")
def list_command() -> None:
    """List the jobs that are waiting or running or that have failed."""
    _, engine = open_database()
    with read_session(engine) as db:
        unfinished = list_jobs(db, JobState.WAITING, JobState.RUNNING, JobState.FAILED)
        for job in unfinished:
            click.echo(_describe(job))
    if not unfinished:
        click.echo("no jobs")


@jobs.command()
def run() -> None:
    """Run the jobs that are due, for example from cron when no server is running.

    Several servers and commands can run jobs at the same time; each job runs once.
    """
    _, engine = open_database()
    for job, result in run_due_jobs(engine):
        click.echo(f"{job.kind}: {result.message}")
    with read_session(engine) as db:
        for job in list_jobs(db, JobState.WAITING):
            click.echo(_describe(job))


def _describe(job: Job) -> str:
    message = job.message or "waits until nobody is answering"
    return f"{job.kind}, requested {job.created_at:%Y-%m-%d %H:%M} UTC: {job.state}, {message}"


def erase_traces(engine: Engine) -> None:
    """Run the job that erases traces, or say that it has to wait."""
    run_due_jobs(engine)
    with read_session(engine) as db:
        if list_jobs(db, JobState.WAITING):
            click.echo(
                "participants are answering, so traces in the database's files will be erased "
                "later, within 24 hours, by the server or by `study jobs run`"
            )
