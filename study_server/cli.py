"""The `study` command: arguments in, one call, errors out."""

import secrets
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.progress import Progress, track
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from study_server import export, researchers, studies
from study_server.app import create_app
from study_server.audit import Finding, describe
from study_server.backup import back_up, name_backup
from study_server.backup import restore as restore_backup
from study_server.catalog import write_manifest
from study_server.clock import now
from study_server.crowd import Crowd
from study_server.database import (
    current_schema,
    open_engine,
    prepare,
    read_schema,
    reading,
    scrub,
    transaction,
    writing,
)
from study_server.database import upgrade as upgrade_schema
from study_server.errors import StudyError
from study_server.freeze import Plan, hash_wording, let_in, read_plan, write_plan
from study_server.freeze import freeze as freeze_study
from study_server.imports import Confounded, import_study
from study_server.invitations import invitation
from study_server.protocol import PRESETS, new_protocol, read_protocol, write_toml
from study_server.serving import bind
from study_server.settings import Settings, find_folder, read_settings, require_secret
from study_server.simulation import simulate as simulate_people
from study_server.withdrawal import anonymize as cut_identities
from study_server.withdrawal import find_by_name, withdraw
from study_server.words import Mode, State

STDERR = Console(stderr=True)
DEFAULT_ADDRESS = "http://127.0.0.1:8000"  # of `study serve`
DEMO_LINK_VALID_FOR = timedelta(hours=12)


def main() -> None:
    """A user's mistake is one line on stderr and exit code 2; Ctrl-C is 130."""
    try:
        commands.main(sys.argv[1:] or ["--help"], standalone_mode=False)
    except (StudyError, click.ClickException, OSError, DBAPIError) as error:
        click.echo(f"study: {_explain(error)}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _explain(error: Exception) -> str:
    """On one line; OSError: no room, no permission; DBAPIError: the database went away."""
    if isinstance(error, click.ClickException):
        return " ".join(error.format_message().split())
    return " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())


HEADINGS = {
    "Prepare a study": ("new", "manifest", "import", "preview", "simulate", "freeze"),
    "Run it": ("open", "pause", "close", "serve", "status"),
    "Take the answers": ("export",),
    "Keep to what people were promised": ("forget", "anonymize"),
    "Look after the database": ("backup", "restore", "upgrade", "researcher"),
}


class Manual(click.Group):
    """Lists the commands under headings, in the order in which a study needs them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, names in HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(85)) for name in names]
                )


@click.group(cls=Manual, context_settings={"max_content_width": 100})
@click.version_option(package_name="hue-and-eye")
def commands() -> None:
    """Run perceptual-realism studies: who can tell the photograph from the fake?

    \b
    study new mine            writes study.toml, to be edited
    study import study.toml outputs/manifest.csv
    study simulate mine 20    a rehearsal; also: study preview mine
    study freeze mine         writes design.json; from here on nothing changes
    study open mine           lets people in
    study serve               http://127.0.0.1:8000/s/mine
    study close mine
    study export mine         responses.csv, participants.csv, codebook.csv, design.json

    Every command works on the same database and says in one line what it did; `study COMMAND
    --help` tells more. Environment:

    \b
    STUDY_DATABASE_URL  default sqlite:///instance/study.sqlite; or postgresql+psycopg://...
    STUDY_INSTANCE      default instance/: stimuli, backups, reports
    STUDY_SECRET_KEY    16 or more secret characters; serve and preview need it
    STUDY_PUBLIC_URL    the server's address as the world sees it; https makes cookies secure

    Exit codes: 0 done, 2 a mistake (one line on stderr), 130 stopped by Ctrl-C.
    """


SLUG = click.argument("slug")
FILE = click.Path(path_type=Path)


@commands.command()
@SLUG
@click.option("--preset", type=click.Choice(list(PRESETS)), default="zhang2016", show_default=True)
@click.option("--out", type=FILE, default=Path("study.toml"), show_default=True)
def new(slug: str, preset: str, out: Path) -> None:
    """Write a commented protocol file to edit."""
    protocol = new_protocol(slug, preset)
    if out.exists():
        raise StudyError(f"{out} is already there; give another --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{write_toml(protocol)}\n{write_plan()}", encoding="utf-8")
    click.echo(f"{out}: edit it, then `study import {out} outputs/manifest.csv`")


def _folders(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    pairs = [value.partition("=") for value in values]
    for (name, _, folder), value in zip(pairs, values, strict=True):
        if not (name and folder):
            raise click.BadParameter(f"{value!r} is not like gan=folder")
    folders = {name: Path(folder) for name, _, folder in pairs}
    if len(folders) < len(pairs):
        raise click.BadParameter("a name is given twice; put its images into one folder")
    return folders


@commands.command()
@click.option(
    "--method", "folders", metavar="NAME=FOLDER", multiple=True, required=True, callback=_folders,
    help="A folder of PNG files for each: real=photographs, then any models, and foil=controls.",
)  # fmt: skip
@click.option("--unpaired", is_flag=True, help="No fake is made from one of the photographs.")
@click.option("--out", type=FILE, default=Path("manifest.csv"), show_default=True)
def manifest(folders: dict[str, Path], unpaired: bool, out: Path) -> None:
    """Write a manifest for images of any generator, to be imported.

    \b
    study manifest --method real=photographs --method gan=fakes --method foil=controls

    Files of the same name below their folders are one photograph and its fakes. All are 8-bit RGB
    PNG, of one size; --out lies above the folders.
    """

    def progress(files: Iterable[Any], total: int) -> Iterable[Any]:
        return _track(files, total, "reading images")

    stimuli = write_manifest(out, folders, not unpaired, progress)
    click.echo(f"{out}: {stimuli} stimuli; `study import study.toml {out}` is next")


@commands.command("import")
@click.argument("protocol_file", metavar="STUDY_TOML", type=FILE)
@click.argument("manifest", type=FILE)
@click.option("--accept", is_flag=True, help="Go on in spite of warnings, and keep them on record.")
def import_(protocol_file: Path, manifest: Path, accept: bool) -> None:
    """Check, audit, re-encode and store a study's stimuli: all of it or nothing.

    The audit looks for all that could tell a fake from its photograph beside its colors, and for
    photographs that are in it twice. A fake that is its photograph is refused; the rest are
    warnings, which `study freeze` writes into the design of a study that accepts them.
    """
    protocol = read_protocol(protocol_file)
    settings, engine = _open()

    def progress(photographs: Iterable[Any], total: int) -> Iterable[Any]:
        return _track(photographs, total, "auditing and storing photographs")

    try:
        stored = import_study(engine, protocol, manifest, settings.stimuli, accept, progress)
    except Confounded as error:
        _print(error.findings)
        raise
    _print(stored.accepted)
    accepted = f", warnings accepted: {len(stored.accepted)}" if stored.accepted else ""
    slug = protocol.slug
    click.echo(f"{slug}: {stored.stimuli} stimuli stored{accepted}; `study freeze {slug}` is next")


def _print(findings: list[Finding]) -> None:
    for line in describe(findings):
        click.echo(line, err=True)


def _track(things: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    return track(things, what, total, console=STDERR, disable=not STDERR.is_terminal)


def _set_state(slug: str, state: State) -> None:
    _, engine = _open()
    with transaction(engine) as db:
        studies.find(db, slug).state = state
    click.echo(f"{slug}: {state}")


@commands.command()
@SLUG
@click.option("--plan", "plan_file", type=FILE, help="plan.toml; without it the defaults hold.")
@click.option("--out", type=FILE, default=Path("design.json"), show_default=True)
def freeze(slug: str, plan_file: Path | None, out: Path) -> None:
    """Fix the design before the first live participant, for good.

    That is the protocol, the wording, the seed, the stimuli and the plan of the analysis. Its
    SHA-256 stands in every exported row. A changed study is imported under another slug. `study
    new` shows the plan's defaults.
    """
    plan = read_plan(plan_file) if plan_file else Plan()
    if out.exists():
        raise StudyError(f"{out} is already there; give another --out, or remove it")
    _, engine = _open()
    with transaction(engine) as db:
        study = studies.find(db, slug)
        design = freeze_study(db, study, plan, hash_wording(find_folder("templates")))
        out.write_text(design, encoding="utf-8")
        click.echo(f"{out}: SHA-256 {study.design_sha256}; `study open {slug}` lets people in")


@commands.command()
@SLUG
def preview(slug: str) -> None:
    """Print a link with which to try a study in any state, as a preview."""
    settings, engine = _open()
    require_secret(settings)
    with reading(engine) as db:
        studies.find(db, slug)
    token = invitation(settings.secret_key, slug, Mode.PREVIEW, secrets.token_hex(8))
    address = settings.public_url or DEFAULT_ADDRESS
    click.echo(f"{address}/s/{slug}?{urlencode({'invitation': token})}")


@commands.command("open")
@SLUG
def open_(slug: str) -> None:
    """Let people in; needs a frozen design."""
    _, engine = _open()
    with transaction(engine) as db:
        let_in(studies.find(db, slug), hash_wording(find_folder("templates")))
    click.echo(f"{slug}: {State.OPEN}")


@commands.command()
@SLUG
def pause(slug: str) -> None:
    """Let nobody new in for a while; who has begun goes on."""
    _set_state(slug, State.PAUSED)


@commands.command()
@SLUG
def close(slug: str) -> None:
    """Let nobody new in any more; exports tell the truth from now on."""
    _set_state(slug, State.CLOSED)


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--threads", type=click.IntRange(1, 256), default=8, show_default=True)
@click.option("--demo", is_flag=True, help="A secret for this run only, and a researcher's link.")
def serve(host: str, port: int, threads: int, demo: bool) -> None:
    """Serve the open studies; / lists them, /s/SLUG is a study's entry."""
    settings = read_settings()
    if demo:
        settings = replace(settings, secret_key=secrets.token_hex(32))
    app = create_app(settings)
    server = bind(app, host, port, threads, {})
    address = settings.public_url or f"http://{host}:{port}"
    click.echo(f"studies:    {address}/")
    if demo:
        with transaction(app.extensions["engine"]) as db:
            token = researchers.make_login_link(db, "demo", DEMO_LINK_VALID_FOR)
        click.echo(f"researcher: {address}/researcher/enter/{token} (works once)")
    try:
        server.run()
    finally:
        server.task_dispatcher.shutdown()


def _rates(_ctx: click.Context, _option: click.Parameter, value: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in value.split(",")]
        rates = {method.strip(): float(rate) for method, rate in pairs}
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not like l2=0.226,mcl=0.301") from error
    if not all(0 < rate < 1 for rate in rates.values()):
        raise click.BadParameter(f"{value!r}: rates lie between 0 and 1")
    return rates


@commands.command()
@SLUG
@click.argument("people", metavar="N", type=click.IntRange(min=1))
@click.option("--rates", callback=_rates, default="l2=0.226,mcl=0.301", show_default=True)
@click.option("--participant-sd", type=click.FloatRange(0, 5), default=0.5, show_default=True)
@click.option("--image-sd", type=click.FloatRange(0, 5), default=0.8, show_default=True)
@click.option("--dropout", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def simulate(slug: str, people: int, **crowd: Any) -> None:
    """Let N simulated people answer over HTTP, with pauses skipped.

    Rates are marginal: the share of trials fooled over all people and photographs. The same seed
    brings the same people again, as new participants; give another for others.
    """
    settings = replace(read_settings(), secret_key=secrets.token_hex(32))
    app = create_app(settings)
    with Progress(console=STDERR, disable=not STDERR.is_terminal) as progress:
        bar = progress.add_task("simulated people", total=people)
        complete = simulate_people(app, slug, people, Crowd(**crowd), lambda: progress.advance(bar))
    click.echo(f"{slug}: {complete} of {people} simulated people answered every trial")


def _modes(_ctx: click.Context, _option: click.Parameter, value: str) -> tuple[Mode, ...]:
    try:
        return tuple(Mode(word.strip()) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: the modes are {', '.join(Mode)}") from error


@commands.command("export")
@SLUG
@click.option("--out", type=FILE, default=Path("responses.csv"), show_default=True)
@click.option("--mode", "modes", callback=_modes, default=",".join(Mode), show_default=True)
@click.option("--unblind", is_flag=True, help="With the truth of live trials while a study runs.")
def export_(slug: str, out: Path, modes: tuple[Mode, ...], unblind: bool) -> None:
    """Write responses, with participants.csv, codebook.csv and design.json beside them."""
    _, engine = _open()
    with transaction(engine) as db:
        study = studies.find(db, slug)
        studies.release_places(db, study)
        trials, people = export.export_study(db, study, out, modes, unblind)
    click.echo(f"{out}: {trials} trials of {people} participants")


@commands.group(no_args_is_help=False)
def researcher() -> None:
    """Who may see the researcher's pages."""


@researcher.command("add")
@click.argument("name")
@click.password_option(help="Asked for when not given.")
def add_researcher(name: str, password: str) -> None:
    """Add a researcher, or give one a new password."""
    _, engine = _open()
    with transaction(engine) as db:
        researchers.add_researcher(db, name, password)
    click.echo(f"{name} can sign in at /researcher")


@commands.command()
@click.argument("slug", required=False)
def status(slug: str | None) -> None:
    """How many came and how far they got."""
    _, engine = _open()
    with reading(engine) as db:
        chosen = [studies.find(db, slug)] if slug else studies.all_studies(db)
        for study in chosen:
            counts = ", ".join(f"{n} {word}" for word, n in studies.counts(db, study).items() if n)
            answers = studies.answers(db, study)
            click.echo(f"{study.slug}: {study.state}; {counts or 'nobody yet'}; {answers} answers")


@commands.command()
@SLUG
@click.argument("participant")
def forget(slug: str, participant: str) -> None:
    """Delete one participant with every answer.

    As if they had withdrawn themselves. PARTICIPANT is the id in the exports. SQLite's file is
    written anew, so that no trace stays in it. PostgreSQL's rows are gone at once; their bytes go
    when VACUUM has come by and the space is used again, and its archived logs keep them. So do
    backups and exports made before: delete those in time.
    """
    _, engine = _open()
    with writing(engine) as db:
        withdraw(db, find_by_name(db, studies.find(db, slug), participant))
    _scrub(engine)
    click.echo(f"{slug}: nothing of {participant} is left")


@commands.command()
@SLUG
@click.option("--days", type=click.IntRange(min=0), default=30, show_default=True)
def anonymize(slug: str, days: int) -> None:
    """Cut what leads to the people last seen so many days ago; their answers stay.

    The hash of who they are is deleted and their link stops working: they could come again as
    somebody new, and can no longer withdraw. Run it daily for a retention period.
    """
    _, engine = _open()
    with transaction(engine) as db:
        cut = cut_identities(db, studies.find(db, slug), now() - timedelta(days=days))
    _scrub(engine)
    click.echo(f"{slug}: {cut} participants are anonymous now")


def _scrub(engine: Engine) -> None:
    if not scrub(engine):
        raise StudyError(
            "deleted, but the database was too busy to be written anew: traces stay in its files "
            "until the next `study anonymize` or withdrawal"
        )


@commands.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Copy the database to one file, of one moment, while people answer.

    FILE is a SQLite database with every row, whichever database is in use; keep it as secret as
    that. Stimuli are not in it: copy instance/stimuli once, they never change.
    """
    _, engine = _open()
    back_up(engine, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {current_schema()}")


@commands.command()
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Put a backup in the place of the whole database.

    What is there now is backed up to instance/backups first. Whoever withdrew after the backup was
    made comes back with it and is named, to be forgotten again. A backup of SQLite can be restored
    to PostgreSQL and the other way round.
    """
    settings, engine = _open()
    replaced = name_backup(settings.backups, "before-restore", now())
    returned = restore_backup(engine, file, replaced)
    kept = f", what it replaced is {replaced}" if replaced.exists() else ""
    click.echo(f"{file}: restored{kept}")
    for slug, name in returned:
        click.echo(f"back again: `study forget {slug} {name}` if they withdrew", err=True)


@commands.command()
def upgrade() -> None:
    """Bring the database to the schema of this program.

    It is backed up to instance/backups first.
    """
    settings, engine = _connect()
    with engine.connect() as connection:
        before = read_schema(connection)
    if before is not None and before != current_schema():
        kept = name_backup(settings.backups, f"schema-{before}", now())
        back_up(engine, kept)
        click.echo(f"{kept}: backed up")
    upgrade_schema(engine)
    click.echo(f"schema {before or 'none'} -> {current_schema()}")


def _open() -> tuple[Settings, Engine]:
    settings, engine = _connect()
    prepare(engine)
    return settings, engine


def _connect() -> tuple[Settings, Engine]:
    """The database, whatever its schema, until the command is done."""
    settings = read_settings()
    engine = open_engine(settings.database_url)
    click.get_current_context().call_on_close(engine.dispose)
    return settings, engine
