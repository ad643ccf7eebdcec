"""`study export`: the answers leave the database."""

from pathlib import Path

import click

from study_server import export, studies
from study_server.commands.opening import open_database
from study_server.commands.options import FILE, SLUG
from study_server.database import transaction
from study_server.words import Mode


def _modes(_ctx: click.Context, _option: click.Parameter, value: str) -> tuple[Mode, ...]:
    try:
        return tuple(Mode(word.strip()) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: the modes are {', '.join(Mode)}") from error


@click.command("export")
@SLUG
@click.option("--out", type=FILE, default=Path("responses.csv"), show_default=True)
@click.option("--mode", "modes", callback=_modes, default=",".join(Mode), show_default=True)
@click.option("--unblind", is_flag=True, help="With the truth of live trials while a study runs.")
def export_(slug: str, out: Path, modes: tuple[Mode, ...], unblind: bool) -> None:
    """Write responses, with timing, participants, codebook.csv and design.json beside them."""
    _, engine = open_database()
    with transaction(engine) as db:
        study = studies.find(db, slug)
        studies.release_places(db, study)
        trials, people = export.export_study(db, study, out, modes, unblind)
    click.echo(f"{out}: {trials} trials of {people} participants")
