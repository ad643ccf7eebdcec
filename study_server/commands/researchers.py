"""The command `study researcher`, which manages access to the researcher pages."""

import click

from study_server.commands.address import find_address
from study_server.commands.context import open_database
from study_server.storage.engine import read_session, write_transaction
from study_server.studies import researchers
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.studies.researchers import ROLE_TEXTS
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


@researcher.command("list")
def list_command() -> None:
    """List the researchers with their roles."""
    _, engine = open_database()
    with read_session(engine) as db:
        everyone = researchers.list_researchers(db)
    for one in everyone:
        click.echo(f"{one.name}: {one.role}{'' if one.password_hash else ', by sign-in link only'}")
    if not everyone:
        click.echo("no researchers; run `study researcher add NAME`")


@researcher.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def change_role(name: str, role: str) -> None:
    """Give a researcher another role; the last owner stays one."""
    _, engine = open_database()
    with write_transaction(engine) as db:
        researchers.change_role(db, name, Role(role))
        log_action(db, "", f"made {name} {ROLE_TEXTS[Role(role)]}", COMMAND_LINE)
    click.echo(f"{name}: {role}")


@researcher.command("invite")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.VIEWER.value,
    show_default=True,
    help="Owners can change studies; viewers can only look at them.",
)
def invite_researcher(name: str, role: str) -> None:
    """Add a researcher without a password, and print a link that signs them in once.

    The link is valid for two days. Set a password with `study researcher add`.
    """
    settings, engine = open_database()
    with write_transaction(engine) as db:
        token = researchers.invite_researcher(
            db, name, Role(role), researchers.INVITATION_VALID_FOR
        )
        log_action(db, "", f"invited {name} as {ROLE_TEXTS[Role(role)]}", COMMAND_LINE)
    click.echo(f"{find_address(settings)}/researcher/enter/{token}")
