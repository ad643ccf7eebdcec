"""Start a server for a rehearsal, and stop it at the end."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from study_server.errors import StudyError

READY_WITHIN_S = 60.0
START_ATTEMPTS = 3  # another program can take the free port before the server does


@dataclass(frozen=True)
class RehearsalServer:
    """A running server and the secret with which it reads invitations.

    transport: how requests reach it, if not through a connection to its address.
    """

    address: str
    secret_key: str
    transport: httpx.BaseTransport | None = None


@contextmanager
def rehearsal_server() -> Iterator[RehearsalServer]:
    """Run `study serve` on a free loopback port with its own secret key.

    It uses the deployment's database and files, but no proxy. Raises StudyError if the server does
    not start.
    """
    secret_key = secrets.token_hex(32)
    process, address = _start_server(secret_key)
    with process:
        try:
            yield RehearsalServer(address, secret_key)
        finally:
            process.terminate()


def _start_server(secret_key: str) -> tuple["subprocess.Popen[bytes]", str]:
    """Start the server on a free port, and on another one if a program took that port meanwhile."""
    settings = {
        "STUDY_SECRET_KEY": secret_key,
        "STUDY_PUBLIC_URL": "",
        "STUDY_TRUSTED_PROXIES": "0",
        "STUDY_X_ACCEL": "",
    }
    for _ in range(START_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "study_server", "serve", "--port", str(port)]
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        address = f"http://127.0.0.1:{port}"
        try:
            if _is_ready(address, process):
                return process, address
        except BaseException:
            process.kill()
            raise
        process.kill()
        process.wait()
    raise StudyError(
        "the server for the simulated participants did not start; run `study serve` to see why"
    )


def _is_ready(address: str, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server replies; return False if it has ended or does not reply in time."""
    end = time.monotonic() + READY_WITHIN_S
    with httpx.Client(base_url=address, trust_env=False) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                client.get("/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return process.poll() is None  # otherwise another program has replied
    return False
