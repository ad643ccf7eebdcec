"""The database, arguments and progress bars that the commands share."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich import progress
from rich.console import Console
from sqlalchemy import Engine

from study_server.settings import Settings, read_settings
from study_server.storage.engine import open_engine
from study_server.storage.schema import ensure_current_schema


def open_database() -> tuple[Settings, Engine]:
    """Open the database of the settings, and create the schema if it is empty.

    Raises StudyError if the database has a different schema.
    """
    settings, engine = open_engine_of_settings()
    ensure_current_schema(engine)
    return settings, engine


def open_engine_of_settings() -> tuple[Settings, Engine]:
    """Open the database of the settings without a check of its schema."""
    settings = read_settings()
    engine = open_engine(settings.database_url)
    click.get_current_context().call_on_close(engine.dispose)
    return settings, engine


UNBLINDED_BY_COMMAND_LINE = "command line"  # the value of unblinding.unblinded_by

SLUG_ARGUMENT = click.argument("slug")
PATH_TYPE = click.Path(path_type=Path)
STUDY_TOML_ARGUMENT = click.argument("protocol_file", metavar="STUDY_TOML", type=PATH_TYPE)


STDERR = Console(stderr=True)


def show_progress(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    """Yield the items, with a progress bar on the terminal."""
    return progress.track(items, description, total, console=STDERR, disable=not STDERR.is_terminal)
