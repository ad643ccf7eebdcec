"""`study preview` and `simulate`: a study is tried."""

import secrets
from typing import Any
from urllib.parse import urlencode

import click
from rich.progress import Progress

from study_server.app import create_app
from study_server.commands.opening import open_database
from study_server.commands.options import SLUG
from study_server.commands.run import DEFAULT_ADDRESS
from study_server.commands.terminal import STDERR
from study_server.recruitment.invitations import invitation
from study_server.settings import read_settings, require_secret
from study_server.simulation.simulated_people import Crowd
from study_server.simulation.simulated_study import simulate as simulate_people
from study_server.storage.engine import reading
from study_server.studies import lookup
from study_server.vocabulary import Mode


@click.command()
@SLUG
def preview(slug: str) -> None:
    """Print a link with which to try a study in any state, as a preview."""
    settings, engine = open_database()
    require_secret(settings)
    with reading(engine) as db:
        lookup.find(db, slug)
    token = invitation(settings.secret_key, slug, Mode.PREVIEW, secrets.token_hex(8))
    address = settings.public_url or DEFAULT_ADDRESS
    click.echo(f"{address}/s/{slug}?{urlencode({'invitation': token})}")


def _rates(_ctx: click.Context, _option: click.Parameter, value: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in value.split(",")]
        rates = {method.strip(): float(rate) for method, rate in pairs}
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not like l2=0.226,mcl=0.301") from error
    if not all(0 < rate < 1 for rate in rates.values()):
        raise click.BadParameter(f"{value!r}: rates lie between 0 and 1")
    return rates


@click.command()
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
    settings = read_settings().model_copy(update={"secret_key": secrets.token_hex(32)})
    app = create_app(settings)
    with Progress(console=STDERR, disable=not STDERR.is_terminal) as progress:
        bar = progress.add_task("simulated people", total=people)
        complete = simulate_people(app, slug, people, Crowd(**crowd), lambda: progress.advance(bar))
    click.echo(f"{slug}: {complete} of {people} simulated people answered every trial")
