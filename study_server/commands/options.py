"""The arguments that several commands take."""

from pathlib import Path

import click

COMMAND_LINE = "command line"  # who did it, where the database keeps that
SLUG = click.argument("slug")
FILE = click.Path(path_type=Path)
STUDY_TOML = click.argument("protocol_file", metavar="STUDY_TOML", type=FILE)
