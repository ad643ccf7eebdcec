"""The command `colorizer`: its commands gathered, a mistake told in one line."""

import sys
import warnings
from collections.abc import Sequence

import click

from colorizer.commands.batch import batch
from colorizer.commands.colorize import colorize
from colorizer.commands.evaluate import evaluate
from colorizer.commands.figures import figures
from colorizer.commands.prior import prior
from colorizer.commands.split import split
from colorizer.commands.train import train_command
from colorizer.errors import ColorizerError


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit 0: done; 1: done but some inputs were refused; 2: a mistake; 130: interrupted."""
    warnings.filterwarnings("ignore", module="PIL")  # damaged metadata of readable photographs
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        code = commands.main(words or ["--help"], standalone_mode=False)
    except click.Abort:
        code = 130
    # OSError: no room, no permission
    except (ColorizerError, OSError, click.ClickException) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"colorizer: {' '.join(message.split())}", err=True)
        code = 2
    sys.exit(code)


@click.group()
def commands() -> None:
    """Train colorizers on your photographs and make the stimuli that people will judge."""


for command in (split, prior, train_command, evaluate, batch, colorize, figures):
    commands.add_command(command)
