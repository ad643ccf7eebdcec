"""What commands share: the database, arguments, progress bars."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich import progress
from rich.console import Console
from sqlalchemy import Engine

from study_server.settings import Settings, read_settings
from study_server.storage.engine import open_engine
from study_server.storage.schema import prepare


def open_database() -> tuple[Settings, Engine]:
    """Brought to the current schema where it is empty; raises StudyError where it has another."""
    settings, engine = connect()
    prepare(engine)
    return settings, engine


def connect() -> tuple[Settings, Engine]:
    """Whatever its schema."""
    settings = read_settings()
    engine = open_engine(settings.database_url)
    click.get_current_context().call_on_close(engine.dispose)
    return settings, engine


COMMAND_LINE = "command line"  # who did it, where the database keeps that


SLUG = click.argument("slug")


FILE = click.Path(path_type=Path)


STUDY_TOML = click.argument("protocol_file", metavar="STUDY_TOML", type=FILE)


STDERR = Console(stderr=True)


def track(things: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """The things, one by one, with a bar."""
    return progress.track(things, what, total, console=STDERR, disable=not STDERR.is_terminal)
