"""The commands `study report` and `study monitor`, which run the analysis on a study."""

import click

from study_server.commands.context import SLUG_ARGUMENT, open_database
from study_server.reporting.making import make_monitor, make_report
from study_server.studies.action_log import COMMAND_LINE
from study_server.vocabulary import Mode


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in (Mode.LIVE, Mode.SIMULATED)]),
    default=Mode.LIVE.value,
    show_default=True,
    help="The participants to report on.",
)
def report(slug: str, mode: str) -> None:
    """Write the report that the researcher pages show, with images.

    This exports the study to a temporary folder and runs `python -m analysis.report` on it. There
    is no report on live participants while the study is blinded. The files are in
    instance/reports/SLUG, and those on simulated participants in its folder simulated.
    """
    settings, engine = open_database()
    click.echo(str(make_report(engine, settings, slug, Mode(mode))))


@click.command()
@SLUG_ARGUMENT
@click.option("--by", default=COMMAND_LINE, show_default=True, help="The name to log.")
def monitor(slug: str, by: str) -> None:
    """Compute the interim estimates that the researcher pages show.

    Their intervals are valid however often you look. While the study is blinded, this is logged
    permanently as an early unblinding. Before the first live participant has finished, the
    estimates are of simulated participants. The file is instance/reports/SLUG/monitor.json.
    """
    settings, engine = open_database()
    click.echo(str(make_monitor(engine, settings, slug, by)))
