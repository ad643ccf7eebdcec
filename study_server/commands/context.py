"""The database of this deployment, open until the command is done."""

import click
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
