"""The command `colorizer card`, which prints the model card of a model."""

import click

from colorizer.networks.model_card import read_model_card


@click.command()
@click.argument("model", metavar="MODEL")
def card(model: str) -> int:
    """Print the card of a model: its training data, recipe, figures and limits.

    MODEL is a model file, or the name of an included model (l2 or mcl).
    """
    click.echo(read_model_card(model).rstrip())
    return 0
