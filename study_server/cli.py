"""The command `study`: its subcommands under headings, and errors in one line."""

import sys
from collections import ChainMap
from importlib import import_module

import click
from sqlalchemy.exc import DBAPIError

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


# The commands under their headings, each with its place below study_server.commands.
COMMANDS_BY_HEADING: dict[str, dict[str, str]] = {
    "Prepare a study": {
        "quick": "drafts.quick.quick",
        "new": "setup.new",
        "wording": "wording.wording",
        "manifest": "drafts.study_import.manifest",
        "import": "drafts.study_import.import_command",
        "stimuli": "drafts.stimuli.stimuli",
        "reword": "wording.reword",
        "preview": "rehearse.preview",
        "simulate": "rehearse.simulate",
        "revise": "wording.revise",
        "freeze": "setup.freeze",
        "unfreeze": "wording.unfreeze",
        "bundle": "export.bundle",
        "delete": "setup.delete",
    },
    "Run the study": {
        "open": "run.open_command",
        "recruit": "recruit.recruit",
        "stop-at": "recruit.stop_at",
        "quota": "recruit.quota",
        "invite": "recruit.invite",
        "personal-link": "recruit.personal_link",
        "pause": "run.pause",
        "close": "run.close",
        "serve": "run.serve",
        "status": "run.status",
        "tag": "run.tag",
    },
    "Export data and pay participants": {
        "export": "export.export_command",
        "report": "report.report",
        "monitor": "report.monitor",
        "publish": "publication.publish.publish",
        "reconcile": "pay.reconcile",
        "pay": "pay.pay",
    },
    "Protect participants’ data": {
        "forget": "privacy.forget",
        "forget-rehearsals": "privacy.forget_rehearsals",
        "anonymize": "privacy.anonymize",
    },
    "Maintain the database": {
        "check": "database.check",
        "backup": "database.backup",
        "restore": "database.restore",
        "upgrade": "database.upgrade",
        "jobs": "jobs.jobs",
        "researcher": "researchers.researcher",
    },
}


class StudyCommands(click.Group):
    """The commands of `study`, of which only the one that is run is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in alphabetical order."""
        return sorted(ChainMap(*COMMANDS_BY_HEADING.values()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name.

        Raises StudyError if a library is missing.
        """
        place = ChainMap(*COMMANDS_BY_HEADING.values()).get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.rpartition(".")
        try:
            command = getattr(import_module(f"study_server.commands.{module}"), attribute)
        except ModuleNotFoundError as error:
            raise StudyError(f"{error}; run pip install 'hue-and-eye[server]'") from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under headings, in the order of a study."""
        for heading, listed in COMMANDS_BY_HEADING.items():
            with formatter.section(heading):
                found = filter(None, (self.get_command(ctx, name) for name in listed))
                formatter.write_dl([(str(one.name), one.get_short_help_str(85)) for one in found])


@click.group(cls=StudyCommands, context_settings={"max_content_width": 100})
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
