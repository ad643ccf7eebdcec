"""Free ports for the servers that tests start as processes of their own."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle, islice

FIRST, PER_WORKER, WORKERS = 12_000, 640, 32  # up to 32,479: below the ports of clients


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens.

    The system's own choice (port 0) could be given to somebody else before the server starts:
    to another pytest-xdist worker, or to a client's end of a connection. Each worker therefore
    counts through ports of its own, below those that systems give to clients.
    """
    for port in _candidates:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("unreachable: the candidates never end")


def candidate_ports() -> Iterator[int]:
    """Yield this worker's ports for ever; two runs on one machine begin at different places."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    first = FIRST + worker * PER_WORKER
    return islice(cycle(range(first, first + PER_WORKER)), os.getpid() % PER_WORKER, None)


_candidates = candidate_ports()
