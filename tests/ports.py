"""Free ports for servers that tests start as separate processes."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle, islice

FIRST, PER_WORKER, WORKERS = 12_000, 640, 32  # up to 32,479: below the ports of clients


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens.

    The system's own choice (port 0) could be assigned again before the server starts: to another
    pytest-xdist worker, or to the client end of a connection. Each worker therefore counts through
    its own ports, below those that systems assign to clients.
    """
    for port in _candidates:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("unreachable: the candidates never end")


def candidate_ports() -> Iterator[int]:
    """Yield this worker's ports in a cycle; two runs on one machine start at different ports."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    first = FIRST + worker * PER_WORKER
    return islice(cycle(range(first, first + PER_WORKER)), os.getpid() % PER_WORKER, None)


_candidates = candidate_ports()
