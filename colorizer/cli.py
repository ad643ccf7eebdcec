"""The command `colorizer`: the group of its subcommands, with one-line error messages."""

import sys
import warnings
from collections.abc import Sequence

import click

from colorizer.commands.batch import batch
from colorizer.commands.card import card
from colorizer.commands.colorize import colorize
from colorizer.commands.evaluate import evaluate
from colorizer.commands.export import export
from colorizer.commands.figures import figures
from colorizer.commands.prior import prior
from colorizer.commands.shard import shard
from colorizer.commands.split import split
from colorizer.commands.train import train_command
from colorizer.errors import ColorizerError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status.

    0: success. 1: finished, but some inputs were refused. 2: an error. 130: interrupted.
    """
    # Pillow warns of damaged metadata in photographs that it can read.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        given_arguments = sys.argv[1:] if arguments is None else list(arguments)
        code = commands.main(given_arguments or ["--help"], standalone_mode=False)
    except click.Abort:
        code = 130
    # OSError: the disk is full or a permission is missing.
    except (ColorizerError, OSError, click.ClickException) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"colorizer: {' '.join(message.split())}", err=True)
        code = 2
    sys.exit(code)


@click.group()
def commands() -> None:
    """Train colorization models on your photographs and create stimuli for studies."""


for command in (
    split,
    prior,
    shard,
    train_command,
    evaluate,
    batch,
    colorize,
    figures,
    card,
    export,
):
    commands.add_command(command)
