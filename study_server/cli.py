"""The command `study`: its commands gathered under headings, a mistake told in one line."""

import sys

import click
from sqlalchemy.exc import DBAPIError

from study_server.commands.database import backup, restore, upgrade
from study_server.commands.export import bundle, export_command
from study_server.commands.pay import pay, reconcile
from study_server.commands.privacy import anonymize, forget
from study_server.commands.recruit import invite, recruit
from study_server.commands.rehearse import preview, simulate
from study_server.commands.researchers import researcher
from study_server.commands.run import close, open_command, pause, serve, status
from study_server.commands.setup import freeze, import_command, manifest, new
from study_server.commands.wording import reword, wording
from study_server.errors import StudyError


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


COMMANDS_BY_HEADING: dict[str, tuple[click.Command, ...]] = {
    "Prepare a study": (
        new,
        wording,
        manifest,
        import_command,
        reword,
        preview,
        simulate,
        freeze,
        bundle,
    ),
    "Run it": (open_command, recruit, invite, pause, close, serve, status),
    "Take the answers, pay the people": (export_command, reconcile, pay),
    "Keep to what people were promised": (forget, anonymize),
    "Look after the database": (backup, restore, upgrade, researcher),
}


class GroupedHelp(click.Group):
    """Lists the commands under headings, in the order in which a study needs them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, listed in COMMANDS_BY_HEADING.items():
            with formatter.section(heading):
                formatter.write_dl([(str(c.name), c.get_short_help_str(85)) for c in listed])


@click.group(cls=GroupedHelp, context_settings={"max_content_width": 100})
@click.version_option(package_name="hue-and-eye")
def commands() -> None:
    """Run perceptual-realism studies: who can tell the photograph from the fake?

    \b
    study new mine            writes study.toml and wording/, to be edited
    study import study.toml outputs/manifest.csv
    study simulate mine 20    a rehearsal; also: study preview mine
    study freeze mine         writes design.json; from here on nothing changes
    study open mine           lets people in
    study recruit mine prolific   the link and the codes to give to Prolific
    study serve               http://127.0.0.1:8000/s/mine
    study close mine
    study export mine         responses.csv, participants.csv, codebook.csv, design.json
    study reconcile mine prolific_export.csv    whom to pay, and why

    Every command works on the same database and says in one line what it did; `study COMMAND
    --help` tells more. Environment:

    \b
    STUDY_DATABASE_URL     default sqlite:///instance/study.sqlite; or postgresql+psycopg://...
    STUDY_INSTANCE         default instance/: stimuli, backups, reports
    STUDY_SECRET_KEY       16 or more secret characters; serve and preview need it
    PROLIFIC_TOKEN         of a Prolific account, for reconcile and pay
    STUDY_PUBLIC_URL       the server's address as the world sees it; https makes cookies secure
    STUDY_TRUSTED_PROXIES  how many proxies stand in front; default 0: X-Forwarded-For is ignored
    STUDY_X_ACCEL          where nginx has the stimuli (docs/deploy.md); default: nowhere

    Exit codes: 0 done, 2 a mistake (one line on stderr), 130 stopped by Ctrl-C.
    """


for command in (command for listed in COMMANDS_BY_HEADING.values() for command in listed):
    commands.add_command(command)
