"""The address of the server, for the links that commands print."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import click

from study_server.files import atomic_write
from study_server.recruitment.platform_settings import find_link_problem
from study_server.settings import Settings

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
EVERY_HOST = ("0.0.0.0", "::")  # what a server listens on to be reached at every address
ADDRESS_FILE = "address"  # in the instance folder, while `study serve` runs
CONNECT_TIMEOUT_S = 1.0


def format_address(host: str, port: int) -> str:
    """Return the address of a server on this computer."""
    host = DEFAULT_HOST if host in EVERY_HOST else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def find_address(settings: Settings) -> str:
    """Return STUDY_PUBLIC_URL, or the address of the server that runs, or the default address."""
    running = _read_running(settings)
    return settings.public_url or running or format_address(DEFAULT_HOST, DEFAULT_PORT)


def warn_if_unreachable(address: str) -> None:
    """Warn on stderr about links that participants, or platforms, cannot use."""
    problem = find_link_problem(address)
    if problem:
        click.echo(
            f"warning: {problem}; set STUDY_PUBLIC_URL to the https address of the server "
            "(docs/deploy.md)",
            err=True,
        )


@contextmanager
def announce_address(settings: Settings, address: str) -> Iterator[None]:
    """Let other commands find a running server, unless another one has announced itself."""
    file = settings.instance_folder / ADDRESS_FILE
    if _read_running(settings) is not None:
        yield
        return
    with atomic_write(file) as temporary:
        temporary.write_text(address, encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _read_running(settings: Settings) -> str | None:
    """Return the announced address if something still listens there."""
    try:
        address = (settings.instance_folder / ADDRESS_FILE).read_text(encoding="utf-8")
        parts = urlsplit(address)
        place = str(parts.hostname), int(parts.port or 0)
        socket.create_connection(place, CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        return None
    return address
