"""The commands `study preview` and `study simulate`, which try out a study."""

import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import click

from study_server.commands.address import find_address
from study_server.commands.context import SLUG_ARGUMENT, open_database, show_progress
from study_server.counts import format_count
from study_server.recruitment.invitations import create_invitation
from study_server.settings import require_secret
from study_server.simulation.rehearsal_server import rehearsal_server
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.simulation.simulated_study import simulate_participants
from study_server.storage.engine import read_session
from study_server.studies import lookup
from study_server.vocabulary import Mode


@click.command()
@SLUG_ARGUMENT
def preview(slug: str) -> None:
    """Print a link for trying out a study in any state; answers are marked as a preview.

    The link works while `study serve` runs with the same STUDY_SECRET_KEY.
    """
    settings, engine = open_database()
    require_secret(settings)
    with read_session(engine) as db:
        lookup.require_stimuli(lookup.find_study(db, slug))
    token = create_invitation(settings.secret_key, slug, Mode.PREVIEW, secrets.token_hex(8))
    click.echo(f"{find_address(settings)}/s/{slug}?{urlencode({'invitation': token})}")


def _parse_values(value: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in value.split(",")]
        return {method.strip(): float(number) for method, number in pairs}
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not METHOD=NUMBER,..., such as l2=0.226,mcl=0.301"
        ) from error


def _parse_strengths(_ctx: click.Context, _option: click.Parameter, value: str) -> dict[str, float]:
    return _parse_values(value)


def _parse_rates(_ctx: click.Context, _option: click.Parameter, value: str) -> dict[str, float]:
    rates = _parse_values(value)
    if not all(0 < rate < 1 for rate in rates.values()):
        raise click.BadParameter(f"{value!r}: rates must be between 0 and 1")
    return rates


@click.command()
@SLUG_ARGUMENT
@click.argument("people", metavar="N", type=click.IntRange(min=1))
@click.option(
    "--rates",
    callback=_parse_rates,
    default="l2=0.226,mcl=0.301",
    show_default=True,
    help="Fooling rate of each method, for real or fake.",
)
@click.option(
    "--strengths",
    callback=_parse_strengths,
    default="l2=0,mcl=0.4,mcl-annealed=0.6,zhang2016=0.5",
    show_default=True,
    help="Mean quality of each method on the log-odds scale, for all other tasks.",
)
@click.option(
    "--participant-sd",
    type=click.FloatRange(0, 5),
    default=0.5,
    show_default=True,
    help="SD of participants on the log-odds scale.",
)
@click.option(
    "--image-sd",
    type=click.FloatRange(0, 5),
    default=0.8,
    show_default=True,
    help="SD of images on the log-odds scale.",
)
@click.option(
    "--dropout",
    "dropout_rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Probability that a participant stops early.",
)
@click.option(
    "--threshold",
    "threshold_ms",
    type=click.FloatRange(20, 60_000),
    metavar="MS",
    help="Median exposure at which participants' accuracy is halfway between guessing and their "
    "accuracy after a long look; without it, accuracy does not depend on the exposure.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
def simulate(slug: str, people: int, **population: Any) -> None:
    """Run N simulated participants over HTTP, without pauses.

    --rates are marginal: the share of trials on which participants are fooled, over all
    participants and images. The same --seed gives the same simulated answers, but every run enrolls
    new participants.
    """
    _, engine = open_database()
    with read_session(engine) as db:
        lookup.require_stimuli(lookup.find_study(db, slug))  # before a server starts in vain

    def track(numbers: Iterable[int], total: int) -> Iterable[int]:
        return show_progress(numbers, total, "simulated participants")

    with rehearsal_server() as server:
        complete = simulate_participants(
            server, engine, slug, people, SimulatedPopulation(**population), track
        )
    everyone = format_count(people, "simulated participant", "simulated participants")
    click.echo(
        f"{slug}: {complete:,} of {everyone} finished; their answers are in the database, run "
        f"`study export {slug}` to see them"
    )
