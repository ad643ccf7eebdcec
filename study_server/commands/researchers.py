"""The command `study researcher`, which manages access to the researcher pages."""

import click

from study_server.commands.address import find_address
from study_server.commands.context import open_database
from study_server.storage.engine import write_transaction
from study_server.studies import researchers


@click.group(no_args_is_help=False)
def researcher() -> None:
    """Manage access to the researcher pages."""


@researcher.command("add")
@click.argument("name")
@click.password_option(help="Password. [default: prompt]")
def add_researcher(name: str, password: str) -> None:
    """Add a researcher, or set a new password."""
    settings, engine = open_database()
    password_hash = researchers.hash_password(password)
    with write_transaction(engine) as db:
        researchers.add_researcher(db, name, password_hash)
    click.echo(f"{name} can sign in at {find_address(settings)}/researcher")
