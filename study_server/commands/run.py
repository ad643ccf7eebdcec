"""The commands `study open`, `pause`, `close`, `serve` and `status`, which run a study."""

import json
import os
import secrets
from datetime import timedelta

import click

from study_server.commands.address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    announce_address,
    find_address,
    format_address,
)
from study_server.commands.context import (
    SLUG_ARGUMENT,
    YES_OPTION,
    confirm,
    open_database,
)
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.recruitment.opening import fetch_stimuli, open_study, stop_recruitment
from study_server.settings import require_secret
from study_server.storage.engine import read_session, write_transaction
from study_server.studies import lookup, researchers
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.studies.progress import measure_progress
from study_server.studies.tags import parse_tags, set_tags
from study_server.studies.unblinding import is_reopening_logged
from study_server.vocabulary import StudyState

DEFAULT_THREADS = 64  # a client that sends its request slowly occupies one
DEMO_LINK_VALID_FOR = timedelta(hours=12)


def _set_state(slug: str, state: StudyState) -> None:
    _, engine = open_database()
    with write_transaction(engine) as db:
        stop_recruitment(lookup.find_study(db, slug), state)
    click.echo(f"{slug}: {state}")


@click.command("open")
@SLUG_ARGUMENT
@YES_OPTION
def open_command(slug: str, yes: bool) -> None:
    """Open a study to participants; requires a frozen design.

    Closing a study unblinds it. Reopening one that has fewer participants than planned therefore
    asks first, and is logged permanently as an early unblinding.
    """
    settings, engine = open_database()
    with read_session(engine) as db:
        will_be_logged = is_reopening_logged(db, lookup.find_study(db, slug))
    if will_be_logged:
        confirm(
            f"{slug} was closed, so anyone could see which images were real. Reopening it is "
            "logged permanently as an early unblinding, which every export lists. Reopen it?",
            yes,
        )
    with read_session(engine) as db:
        fetch_stimuli(db, lookup.find_study(db, slug), settings)
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        logged = open_study(db, study, settings, COMMAND_LINE)
    note = "; logged as an early unblinding" if logged else ""
    click.echo(f"{slug}: {StudyState.OPEN}{note}; {find_address(settings)}/s/{slug}")


@click.command()
@SLUG_ARGUMENT
def pause(slug: str) -> None:
    """Pause recruitment; participants who have started can finish."""
    _set_state(slug, StudyState.PAUSED)


@click.command()
@SLUG_ARGUMENT
def close(slug: str) -> None:
    """Close recruitment; exports are unblinded from now on."""
    _set_state(slug, StudyState.CLOSED)


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of processes; more than one requires PostgreSQL.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 512),
    default=DEFAULT_THREADS,
    show_default=True,
    help="Maximum number of simultaneous requests per process.",
)
@click.option(
    "--demo",
    is_flag=True,
    help="Use a temporary secret, and print a sign-in link for the researcher pages.",
)
def serve(host: str, port: int, workers: int, threads: int, demo: bool) -> None:
    """Serve all open studies: / lists them, /s/SLUG is the start page of a study.

    Each request is logged to stderr as one line of JSON without personal data (with --demo:
    failures only). /healthz returns 200 while the server works.
    """
    from study_server import wsgi  # other commands start in half the time without it
    from study_server.web import metrics

    if demo:
        os.environ["STUDY_SECRET_KEY"] = secrets.token_hex(
            32
        )  # the workers read it from the environment
    settings, engine = open_database()
    require_secret(settings)
    if workers > 1 and engine.dialect.name == "sqlite":
        raise StudyError(
            f"--workers {workers}: SQLite allows one writer at a time; omit --workers, or set "
            "STUDY_DATABASE_URL to a PostgreSQL database"
        )
    with read_session(engine) as db:
        for study in lookup.list_studies(db, StudyState.OPEN):
            lookup.require_person_key(study, settings.person_key)
    address = wsgi.find_address(host, port)
    local_address = format_address(host, port)
    public_url = settings.public_url or local_address
    click.echo(f"studies:    {public_url}/")
    if demo:
        with write_transaction(engine) as db:
            token = researchers.create_login_token(db, "demo", DEMO_LINK_VALID_FOR)
        click.echo(f"researcher: {public_url}/researcher/enter/{token} (works once)")
    if workers > 1 and settings.metrics_token:
        metrics.share_between_workers()
    engine.dispose()  # connections must not be shared with the workers
    factory = wsgi.app_without_request_log if demo else wsgi.app
    with announce_address(settings, local_address):
        wsgi.run_server(address, port, workers=workers, threads=threads, factory=factory)


@click.command()
@SLUG_ARGUMENT
@click.argument("words", metavar="[TAG]...", nargs=-1)
def tag(slug: str, words: tuple[str, ...]) -> None:
    """Replace the tags of a study, by which the researcher pages list it; without TAG, remove them.

    A tag consists of letters, digits, '.', '_' and '-'.
    """
    _, engine = open_database()
    chosen = parse_tags(" ".join(words))
    with write_transaction(engine) as db:
        set_tags(db, lookup.find_study(db, slug), chosen)
        log_action(db, slug, f"set the tags to {', '.join(chosen) or 'none'}", COMMAND_LINE)
    click.echo(f"{slug}: {', '.join(chosen) or 'no tags'}")


@click.command()
@click.argument("slug", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything on the researcher page, as JSON."
)
def status(slug: str | None, as_json: bool) -> None:
    """Show the number of participants by outcome."""
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
            responses = format_count(lookup.count_responses(db, study), "response", "responses")
            people = (counts or "no participants") if study.has_stimuli else "no stimuli yet"
            click.echo(f"{study.slug}: {study.state}; {people}; {responses}")
