"""The command `study`: its subcommands under headings, and errors in one line."""

import sys

import click
from sqlalchemy.exc import DBAPIError

from study_server.commands.database import backup, check, restore, upgrade
from study_server.commands.drafts.quick import quick
from study_server.commands.drafts.stimuli import stimuli
from study_server.commands.export import bundle, export_command
from study_server.commands.jobs import jobs
from study_server.commands.pay import pay, reconcile
from study_server.commands.privacy import anonymize, forget, forget_rehearsals
from study_server.commands.publication.publish import publish
from study_server.commands.recruit import invite, personal_link, quota, recruit, stop_at
from study_server.commands.rehearse import preview, simulate
from study_server.commands.report import monitor, report
from study_server.commands.researchers import researcher
from study_server.commands.run import close, open_command, pause, serve, status, tag
from study_server.commands.setup import delete, freeze, import_command, manifest, new
from study_server.commands.wording import revise, reword, unfreeze, wording
from study_server.errors import StudyError


def main() -> None:
    """Run the command; print a user's mistake on one line of stderr with exit status 2.

    The exit status after Ctrl-C is 130.
    """
    try:
        commands.main(sys.argv[1:] or ["--help"], standalone_mode=False)
    except (StudyError, click.ClickException, OSError, DBAPIError) as error:
        click.echo(f"study: {_explain(error)}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _explain(error: Exception) -> str:
    """Return the message of an error on one line."""
    if isinstance(error, click.ClickException):
        return " ".join(error.format_message().split())
    return " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())


COMMANDS_BY_HEADING: dict[str, tuple[click.Command, ...]] = {
    "Prepare a study": (
        quick,
        new,
        wording,
        manifest,
        import_command,
        stimuli,
        reword,
        preview,
        simulate,
        revise,
        freeze,
        unfreeze,
        bundle,
        delete,
    ),
    "Run the study": (
        open_command,
        recruit,
        stop_at,
        quota,
        invite,
        personal_link,
        pause,
        close,
        serve,
        status,
        tag,
    ),
    "Export data and pay participants": (
        export_command,
        report,
        monitor,
        publish,
        reconcile,
        pay,
    ),
    "Protect participants’ data": (forget, forget_rehearsals, anonymize),
    "Maintain the database": (check, backup, restore, upgrade, jobs, researcher),
}


class GroupedHelp(click.Group):
    """A command group whose help lists the commands under headings, in the order of a study."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings."""
        for heading, listed in COMMANDS_BY_HEADING.items():
            with formatter.section(heading):
                formatter.write_dl([(str(c.name), c.get_short_help_str(85)) for c in listed])


@click.group(cls=GroupedHelp, context_settings={"max_content_width": 100})
@click.version_option(package_name="hue-and-eye")
def commands() -> None:
    """Run perceptual-realism studies, in which people tell photographs from fakes.

    \b
    study quick --real photos --method gan=fakes    all at once: make a draft, serve and preview it

    \b
    study new mine            write study.toml and wording/; edit both, fill in every [... ]
    study import study.toml outputs/manifest.csv
    study simulate mine 20    rehearse; see also: study preview mine
    study freeze mine         write design.json; permanent once somebody has taken part
    study open mine           start recruiting
    study recruit mine prolific   print the link and the codes for Prolific
    study serve               http://127.0.0.1:8000/s/mine
    study close mine
    study export mine         responses.csv, participants.csv, codebook.csv, design.json
    study reconcile mine prolific_export.csv    list whom to pay, and why

    All commands use the same database. For details, run `study COMMAND --help`. Environment
    variables:

    \b
    STUDY_DATABASE_URL     sqlite:///FILE or postgresql+psycopg://... [instance/study.sqlite]
    STUDY_INSTANCE         folder for stimuli, backups and reports (default instance/)
    STUDY_SECRET_KEY       secret of 16 or more characters; required by serve, preview, invite and
                           personal-link, which must have the same one
    STUDY_PERSON_KEY       secret of 16 or more characters; required by studies with linked = true
    PROLIFIC_TOKEN         Prolific API token, for reconcile and pay
    STUDY_PUBLIC_URL       public address of the server, with its path if it has one
                           (https://lab.example.org/study); with https, cookies are secure
    STUDY_TRUSTED_PROXIES  number of proxies in front (default 0: ignore X-Forwarded-For)
    STUDY_MAX_UNANSWERED   people per IP address who have not answered a trial yet (default 100)
    STUDY_METRICS_TOKEN    secret of 16 or more characters, with which Prometheus may read /metrics
    STUDY_MAX_UPLOAD_MB    size of a zip of stimuli that researchers upload (default 2000)
    STUDY_STIMULI_URL      s3://bucket/prefix: stimuli are also kept in object storage, from which
                           every server copies them (docs/scaling.md); default: none
    STUDY_X_ACCEL          nginx location of the stimuli (docs/deploy.md); default: none

    Exit status: 0 success, 2 error (one line on stderr), 130 interrupted by Ctrl-C.
    """


for command in (command for listed in COMMANDS_BY_HEADING.values() for command in listed):
    commands.add_command(command)
