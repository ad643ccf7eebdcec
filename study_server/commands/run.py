"""`study open`, `pause`, `close`, `serve`, `status`: a study runs."""

import json
import os
import secrets
from datetime import timedelta

import click

from study_server import wsgi
from study_server.app import create_app
from study_server.commands.context import SLUG_ARGUMENT, UNBLINDED_BY_COMMAND_LINE, open_database
from study_server.errors import StudyError
from study_server.settings import find_resource_folder, require_secret
from study_server.storage.engine import read_session, write_transaction
from study_server.studies import lookup, researchers
from study_server.studies.design import hash_wording, open_recruitment
from study_server.studies.progress import measure_progress
from study_server.studies.unblinding import record_reopening
from study_server.vocabulary import StudyState

DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"  # of `study serve`
DEMO_LINK_VALID_FOR = timedelta(hours=12)


def _set_state(slug: str, state: StudyState) -> None:
    _, engine = open_database()
    with write_transaction(engine) as db:
        lookup.find_study(db, slug).state = state
    click.echo(f"{slug}: {state}")


@click.command("open")
@SLUG_ARGUMENT
def open_command(slug: str) -> None:
    """Let people in; needs a frozen design.

    A study that was closed told its truth: opening it again is recorded as a look at it.
    """
    _, engine = open_database()
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        record_reopening(db, study, UNBLINDED_BY_COMMAND_LINE)
        open_recruitment(study, hash_wording(db, study, find_resource_folder("templates")))
    click.echo(f"{slug}: {StudyState.OPEN}")


@click.command()
@SLUG_ARGUMENT
def pause(slug: str) -> None:
    """Let nobody new in for a while; who has begun goes on."""
    _set_state(slug, StudyState.PAUSED)


@click.command()
@SLUG_ARGUMENT
def close(slug: str) -> None:
    """Let nobody new in any more; exports tell the truth from now on."""
    _set_state(slug, StudyState.CLOSED)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes; more than one needs PostgreSQL.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 512),
    default=wsgi.BLOCKING_THREADS,
    show_default=True,
    help="Requests that each process answers at once, at most.",
)
@click.option("--demo", is_flag=True, help="A secret for this run only, and a researcher's link.")
def serve(host: str, port: int, workers: int, threads: int, demo: bool) -> None:
    """Serve the open studies; / lists them, /s/SLUG is a study's entry.

    Each request is a line of JSON on stderr (with --demo: each failure), without anything that
    tells who it was. /healthz answers 200 while the server can do its work.
    """
    if demo:
        os.environ["STUDY_SECRET_KEY"] = secrets.token_hex(32)  # the workers read it there
    settings, engine = open_database()
    require_secret(settings)
    if workers > 1 and engine.dialect.name == "sqlite":
        raise StudyError(
            f"--workers {workers}: SQLite has one writer at a time; leave --workers out, or set "
            "STUDY_DATABASE_URL to a PostgreSQL database"
        )
    address = wsgi.find_address(host, port)
    public_url = settings.public_url or f"http://{host}:{port}"
    click.echo(f"studies:    {public_url}/")
    if demo:
        with write_transaction(engine) as db:
            token = researchers.create_login_token(db, "demo", DEMO_LINK_VALID_FOR)
        click.echo(f"researcher: {public_url}/researcher/enter/{token} (works once)")
    engine.dispose()  # no connection is shared with the workers
    factory = create_app if demo else wsgi.app
    wsgi.run_server(address, port, workers=workers, threads=threads, factory=factory)


@click.command()
@click.argument("slug", required=False)
@click.option("--json", "as_json", is_flag=True, help="All that the researcher's page tells.")
def status(slug: str | None, as_json: bool) -> None:
    """How many came and how far they got."""
    _, engine = open_database()
    with read_session(engine) as db:
        chosen = [lookup.find_study(db, slug)] if slug else lookup.list_studies(db)
        if as_json:
            progress_rows = [measure_progress(db, study).as_json() for study in chosen]
            click.echo(json.dumps(progress_rows[0] if slug else progress_rows, indent=2))
            return
        for study in chosen:
            counts = ", ".join(
                f"{n} {word}" for word, n in lookup.count_by_outcome(db, study).items() if n
            )
            answers = lookup.count_responses(db, study)
            click.echo(f"{study.slug}: {study.state}; {counts or 'nobody yet'}; {answers} answers")
