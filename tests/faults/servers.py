"""`study serve` processes that tests can kill, and a study in their database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sqlalchemy import Engine

from study_server.protocol.model import Protocol
from study_server.storage.engine import open_engine
from study_server.storage.schema import ensure_current_schema
from tests.conftest import SECRET
from tests.imported_studies import open_study
from tests.ports import free_port

STUDY = str(Path(sys.executable).with_name("study"))
READY_S = 60


@dataclass
class Server:
    """A `study serve` process on its own port, which it keeps after a restart."""

    folder: Path
    database_url: str
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"serve-{self.port}.log"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "STUDY_DATABASE_URL": self.database_url,
            "STUDY_INSTANCE": str(self.folder / "instance"),
            "STUDY_SECRET_KEY": SECRET,
            **self.settings,
        }

    def start(self) -> None:
        """Start the process. `wait` raises TimeoutError if it does not become ready."""
        command = [STUDY, "serve", "--port", str(self.port), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> float:
        """Wait until the server responds and return the seconds that this took."""
        began = time.monotonic()
        while time.monotonic() - began < READY_S:
            if is_well(self.port):
                return time.monotonic() - began
            time.sleep(0.02)
        raise TimeoutError(self.log.read_text()[-2000:])

    def kill(self) -> None:
        """Kill the server and its workers at once, like a power cut."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # already ended
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            wait_until_free(self.port)
        self.process = None

    def stop(self) -> None:
        """Stop the server and its workers with SIGTERM."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.process = None


@contextmanager
def started(server: Server) -> Iterator[None]:
    """Run a server until the end of the block."""
    server.start()
    try:
        server.wait()
        yield
    finally:
        server.stop()


def wait_until_free(port: int) -> None:
    """Wait until no process uses the port."""
    for _ in range(1000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise TimeoutError(f"port {port} is not free")


def is_well(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def serving(
    folder: Path, database_url: str, manifest: Path, protocol: Protocol, servers: int = 1
) -> Iterator[tuple[list[Server], Engine]]:
    """Run servers of one open study; yield them and an engine for its database."""
    engine = open_engine(database_url)
    ensure_current_schema(engine)
    open_study(engine, protocol, manifest, folder / "instance")
    started = [Server(folder, database_url) for _ in range(servers)]
    try:
        for server in started:
            server.start()
        for server in started:
            server.wait()
        yield started, engine
    finally:
        for server in started:
            server.kill()
        engine.dispose()
