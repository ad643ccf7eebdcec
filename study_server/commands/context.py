"""The database, arguments, questions and progress bars that the commands share."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich import progress
from rich.console import Console
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.settings import Settings, read_settings
from study_server.storage.engine import open_engine
from study_server.storage.schema import ensure_current_schema

Command = TypeVar("Command", bound=Callable[..., Any])

PATH_TYPE = click.Path(path_type=Path)
SLUG_ARGUMENT = click.argument("slug")
STUDY_TOML_ARGUMENT = click.argument("protocol_file", metavar="STUDY_TOML", type=PATH_TYPE)
YES_OPTION = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
STDERR = Console(stderr=True)
PROGRESS_VARIABLE = "STUDY_PROGRESS"  # "json": lines for a program instead of a progress bar


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


def out_option(default: str, description: str) -> Callable[[Command], Command]:
    """Return the option --out for the path of a file to write."""
    return click.option(
        "--out", type=PATH_TYPE, default=Path(default), show_default=True, help=description
    )


def parse_folders(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """Return the folders of NAME=FOLDER options by name."""
    pairs = [value.partition("=") for value in values]
    for (method, _, folder), value in zip(pairs, values, strict=True):
        if not (method and folder):
            raise click.BadParameter(f"{value!r} is not NAME=FOLDER, such as gan=fakes")
    folders = {method: Path(folder) for method, _, folder in pairs}
    if len(folders) < len(pairs):
        raise click.BadParameter("a method is given twice; put all of its images in one folder")
    return folders


def confirm(question: str, yes: bool) -> None:
    """Ask a question, unless --yes was given; raises StudyError if the answer is no."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise  # Ctrl-C
        raise StudyError("nobody answered, so nothing was changed; scripts need --yes") from abort
    if not agreed:
        raise StudyError("nothing was changed")


def confirm_by_typing(word: str, question: str, yes: bool) -> None:
    """Ask to type a word, unless --yes was given; raises StudyError if another one is typed."""
    if yes:
        return
    try:
        typed = click.prompt(question, err=True, default="", show_default=False)
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise
        raise StudyError("nobody answered, so nothing was deleted; scripts need --yes") from abort
    if typed != word:
        raise StudyError(f"you did not type {word!r}, so nothing was deleted")


def show_progress(items: Iterable[Any], total: int, description: str) -> Iterable[Any]:
    """Yield the items, with a progress bar on the terminal, or lines of JSON for a background job.

    A line follows each item: {"progress": 0.4}.
    """
    if os.environ.get(PROGRESS_VARIABLE) != "json":
        disable = not STDERR.is_terminal
        yield from progress.track(items, description, total, console=STDERR, disable=disable)
        return
    for number, item in enumerate(items, start=1):
        yield item
        click.echo(json.dumps({"progress": number / max(total, 1)}), err=True)
