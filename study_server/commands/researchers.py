"""The command `study researcher`, which manages access to the researcher pages."""

import click

from study_server.commands.address import find_address
from study_server.commands.context import open_database
from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from study_server.vocabulary import Role


@click.group(no_args_is_help=False)
def researcher() -> None:
    """Manage access to the researcher pages."""


@researcher.command("add")
@click.argument("name")
@click.password_option(help="Password. [default: prompt]")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.OWNER.value,
    show_default=True,
    help="Owners can change studies; viewers can only look at them.",
)
def add_researcher(name: str, password: str, role: Role) -> None:
    """Add a researcher, or set a new password and role."""
    settings, engine = open_database()
    password_hash = researchers.hash_password(password)
    with write_transaction(engine) as db:
        researchers.add_researcher(db, name, password_hash, Role(role))
    click.echo(f"{name} can sign in at {find_address(settings)}/researcher")
