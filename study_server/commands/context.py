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
from study_server.storage.schema import ensure_current_schema


def open_database() -> tuple[Settings, Engine]:
    """Brought to the current schema where it is empty; raises StudyError where it has another."""
    settings, engine = open_engine_of_settings()
    ensure_current_schema(engine)
    return settings, engine


def open_engine_of_settings() -> tuple[Settings, Engine]:
    """Whatever its schema."""
    settings = read_settings()
    engine = open_engine(settings.database_url)
    click.get_current_context().call_on_close(engine.dispose)
    return settings, engine


UNBLINDED_BY_COMMAND_LINE = "command line"  # who did it, where the database keeps that


SLUG_ARGUMENT = click.argument("slug")


PATH_TYPE = click.Path(path_type=Path)


STUDY_TOML_ARGUMENT = click.argument("protocol_file", metavar="STUDY_TOML", type=PATH_TYPE)


STDERR = Console(stderr=True)


def show_progress(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    """The things, one by one, with a bar."""
    return progress.track(items, description, total, console=STDERR, disable=not STDERR.is_terminal)
