"""An S3-compatible object storage for tests: moto's server, in a thread of this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

BUCKET = "stimuli"


@contextmanager
def run_storage() -> Iterator[str]:
    """Run a storage with one bucket, and yield its address.

    All storages of a process hold the same objects: each test module has a folder of its own.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it writes a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        urlopen(Request(f"{address}/{BUCKET}", method="PUT")).close()
        yield address
    finally:
        server.stop()


def storage_variables(address: str) -> dict[str, str]:
    """Return the variables by which obstore finds a storage."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }


def lead_to_storage(patch: pytest.MonkeyPatch, address: str) -> None:
    """Set the variables by which obstore finds a storage."""
    for name, value in storage_variables(address).items():
        patch.setenv(name, value)
