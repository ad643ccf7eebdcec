"""The command `study quick`: from folders of images to a link, in one step."""

import getpass
import os
import secrets
import socket
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from sqlalchemy import Engine

from study_server.commands.address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    announce_address,
    format_address,
)
from study_server.commands.context import (
    PATH_TYPE,
    open_database,
    out_option,
    parse_folders,
    show_progress,
)
from study_server.commands.run import DEFAULT_THREADS
from study_server.counts import format_count
from study_server.creation.quick import QuickStudy, make_quick_study
from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.protocol.presets import PRESETS_BY_TASK
from study_server.recruitment.invitations import create_invitation
from study_server.settings import Settings, read_settings
from study_server.stimuli.audit import format_findings
from study_server.stimuli.importing import AuditFailedError
from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from study_server.vocabulary import REAL_METHOD, Mode

SIGN_IN_VALID_FOR = timedelta(hours=12)
SECRET_FILE = "secret"  # in the instance folder, as docs/running-a-study.md makes it
HEALTH_TIMEOUT_S, HEALTH_PAUSE_S = 30.0, 0.1
NEXT_STEPS = """\
next:
  1. take part yourself, as often as you like: previews do not count
  2. edit {toml} and {wording}/, then run `study reword {toml}`
  3. study simulate {slug} 20 --{values} {example}
  4. study freeze {slug}, then study open {slug}
the server needs the same secret again: export STUDY_SECRET_KEY=$(cat {secret})
Ctrl-C stops the server; `study serve` starts it again"""


@click.command()
@click.option(
    "--real",
    type=PATH_TYPE,
    required=True,
    metavar="FOLDER",
    help="Folder of photographs.",
)
@click.option(
    "--method", "folders", metavar="NAME=FOLDER", multiple=True, required=True,
    callback=parse_folders,
    help="A method and its folder of images, such as gan=fakes. Repeat it for others, and for "
    "obvious fakes (foil).",
)  # fmt: skip
@click.option(
    "--task",
    type=click.Choice(list(PRESETS_BY_TASK)),
    default=next(iter(PRESETS_BY_TASK)),
    show_default=True,
    help="What a trial asks.",
)
@click.option("--slug", default="", help="Address of the study. [default: the methods' names]")
@click.option("--unpaired", is_flag=True, help="The fakes are not made from these photographs.")
@click.option("--accept", is_flag=True, help="Continue despite warnings of the audit.")
@out_option("study.toml", "Protocol file to write; the texts are written beside it.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Port to listen on. [default: {DEFAULT_PORT}, or a free one]",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser at the preview.")
def quick(
    real: Path,
    folders: dict[str, Path],
    task: str,
    slug: str,
    unpaired: bool,
    accept: bool,
    out: Path,
    port: int | None,
    no_browser: bool,
) -> None:
    """Make a study from folders of images, serve it, and open a preview.

    \b
    study quick --real photos --method gan=fakes

    Files with the same name belong together. The study is a draft like any other: study.toml and
    wording/ are written to this folder. If there are too few images, there are fewer trials.
    """
    if REAL_METHOD in folders:
        raise StudyError("the photographs are named twice; use either --real or --method real=")
    settings, engine = open_database()
    settings, port = _ensure_secret(settings), find_port(port)

    def track(items: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(items, total, "Reading, auditing and storing images")

    try:
        made = make_quick_study(
            engine,
            settings,
            {REAL_METHOD: real, **folders},
            task,
            slug=slug,
            out=out,
            paired=not unpaired,
            accept_warnings=accept,
            track=track,
        )
    except AuditFailedError as error:
        for line in format_findings(error.findings):
            click.echo(line, err=True)
        raise
    _serve(settings, engine, made, out, port, opens_browser=not no_browser)


def _ensure_secret(settings: Settings) -> Settings:
    """Return the settings with a secret key: that of the environment, or of instance/secret."""
    if settings.secret_key:
        return settings
    file = settings.instance_folder / SECRET_FILE
    if not file.exists():
        with atomic_write(file, private=True) as temporary:
            temporary.write_text(secrets.token_hex(32), encoding="utf-8")
    os.environ["STUDY_SECRET_KEY"] = file.read_text(encoding="utf-8").strip()
    return read_settings()  # the server's process reads it from the environment, too


def find_port(chosen: int | None) -> int:
    """Return a port that nobody uses: the chosen one, else the default one, else any."""
    for port in (DEFAULT_PORT, 0) if chosen is None else (chosen,):
        try:
            with socket.create_server((DEFAULT_HOST, port)) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    raise StudyError(f"port {chosen or DEFAULT_PORT} is in use; use another --port")


def _serve(
    settings: Settings,
    engine: Engine,
    made: QuickStudy,
    out: Path,
    port: int,
    *,
    opens_browser: bool,
) -> None:
    """Print the links and the next steps, and serve until Ctrl-C."""
    from study_server import wsgi  # other commands start in half the time without it

    address, slug = wsgi.find_address(DEFAULT_HOST, port), made.protocol.slug
    local = format_address(DEFAULT_HOST, port)
    token = create_invitation(settings.secret_key, slug, Mode.PREVIEW, secrets.token_hex(8))
    preview = f"{local}/s/{slug}?{urlencode({'invitation': token})}"
    with write_transaction(engine) as db:
        login = researchers.create_login_token(db, _user_name(), SIGN_IN_VALID_FOR)
    _print_study(made, out)
    click.echo(f"preview:    {preview}")
    click.echo(f"researcher: {local}/researcher/enter/{login} (works once)")
    click.echo(_format_next_steps(settings, made, out))
    engine.dispose()  # connections must not be shared with the server's process
    if opens_browser:
        threading.Thread(target=_open_when_ready, args=(local, preview), daemon=True).start()
    with announce_address(settings, local):
        wsgi.run_server(
            address,
            port,
            workers=1,
            threads=DEFAULT_THREADS,
            factory=wsgi.app_without_request_log,
        )


def _user_name() -> str:
    """Return the name under which the researcher is signed in: that of the computer's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run without one
        return "researcher"


def _print_study(made: QuickStudy, out: Path) -> None:
    for line in format_findings(made.summary.accepted_findings):
        click.echo(line, err=True)
    stimuli = format_count(made.summary.stimulus_count, "stimulus", "stimuli")
    images = format_count(made.summary.image_count, "image", "images")
    protocol = made.protocol
    click.echo(
        f"{protocol.slug}: {stimuli} of {images}; {protocol.trials} trials per participant, about "
        f"{protocol.estimated_minutes} minutes; {out}, {made.wording_folder}/, {made.manifest}"
    )
    for change in made.changes:
        click.echo(f"note: {change}")


def _format_next_steps(settings: Settings, made: QuickStudy, out: Path) -> str:
    has_truth = made.protocol.has_truth
    number = "0.3" if has_truth else "0"
    return NEXT_STEPS.format(
        slug=made.protocol.slug,
        toml=out,
        wording=made.wording_folder,
        values="rates" if has_truth else "strengths",
        example=",".join(f"{method}={number}" for method in made.protocol.methods),
        secret=settings.instance_folder / SECRET_FILE,
    )


def _open_when_ready(address: str, link: str) -> None:
    """Open the browser as soon as the server answers."""
    give_up_at = time.monotonic() + HEALTH_TIMEOUT_S
    while time.monotonic() < give_up_at:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=HEALTH_TIMEOUT_S).close()
        except (urllib.error.URLError, OSError):
            time.sleep(HEALTH_PAUSE_S)
        else:
            webbrowser.open(link)
            return
