"""The servers compared by benchmarks/load.py: `study serve` (granian) and alternatives."""

import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.servers import Server, started
from tests.nginx import nginx, site_configuration, wait_for
from tests.ports import free_port

WAITRESS = """
import sys
from waitress import serve
from study_server.wsgi import app
serve(app(), host="127.0.0.1", port=int(sys.argv[1]), threads=8, connection_limit=8192)
"""


@dataclass
class Peer(Server, ABC):
    """A server process that is started by its command."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line that starts the server."""


@dataclass
class Waitress(Peer):
    """waitress.serve with 8 threads, and the same limit of connections as ours."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", WAITRESS, str(self.port)]


@dataclass
class GunicornServer(Peer):
    """gunicorn's threaded workers. `options` sets the numbers of processes and threads."""

    def command(self) -> list[str]:
        gunicorn = str(Path(sys.executable).with_name("gunicorn"))
        return [
            gunicorn, *self.options, "--keep-alive", "30", "--worker-connections", "4000",
            "--log-level", "error", "--bind", f"127.0.0.1:{self.port}", "study_server.wsgi:app()",
        ]  # fmt: skip


@dataclass
class BareServer(Peer):
    """The server of benchmarks/bare_server.py, which inserts into its own database."""

    def command(self) -> list[str]:
        file = str(self.folder / "bare.sqlite")
        return [sys.executable, "-m", "benchmarks.bare_server", str(self.port), file]


@dataclass(frozen=True)
class Setup:
    """A server, its options, and its title in the table."""

    title: str
    program: type[Server]
    options: tuple[str, ...] = ()

    def create(self, folder: Path, database_url: str, *, behind_nginx: bool) -> Server:
        settings = {"STUDY_MAX_UNANSWERED": "0"}  # all of these people have one address
        proxied = {"STUDY_X_ACCEL": "/stimuli", "STUDY_TRUSTED_PROXIES": "1"}
        return self.program(
            folder,
            database_url,
            options=self.options,
            settings=settings | proxied if behind_nginx else settings,
        )


ONE_PROCESS = ("--workers", "1", "--threads", "64")
TWO_PROCESSES = ("--workers", "2", "--threads", "32")
SETUPS = {
    "granian": Setup("study serve", Server),
    "granian-2": Setup("study serve --workers 2", Server, ("--workers", "2")),
    "waitress": Setup("waitress, 8 threads", Waitress),
    "gunicorn": Setup("gunicorn, 64 threads", GunicornServer, ONE_PROCESS),
    "gunicorn-2": Setup("gunicorn, 2 x 32 threads", GunicornServer, TWO_PROCESSES),
}
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
NGINX = "nginx-"
NAMES = [
    f"{before}{setup}-{kind}" for before in ("", NGINX) for setup in SETUPS for kind in DATABASES
]


def find_setup(name: str) -> tuple[Setup, str, bool]:
    """Parse a name such as nginx-granian-sqlite: setup, database, whether nginx is in front."""
    setup, _, database = name.removeprefix(NGINX).rpartition("-")
    return SETUPS[setup], database, name.startswith(NGINX)


def title(name: str) -> str:
    """Return the title of a server for the table."""
    setup, database, behind_nginx = find_setup(name)
    return f"{'nginx, ' if behind_nginx else ''}{setup.title}, {DATABASES[database]}"


@contextmanager
def running(server: Server, *, behind_nginx: bool) -> Iterator[str]:
    """Run a server, behind nginx with docs/nginx.conf if requested, and yield the address."""
    with started(server):
        if not behind_nginx:
            yield server.address
            return
        port = free_port()
        with nginx(server.folder, site_configuration(server.folder, port, server.port)):
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
