"""nginx with the configurations of the documentation, on ports and in folders of a test."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
DOCS = Path(__file__).parents[1] / "docs"
NEEDS_NGINX = pytest.mark.skipif(NGINX is None, reason="install nginx to test docs/nginx*.conf")


def site_configuration(folder: Path, port: int, upstream_port: int) -> str:
    """Return docs/nginx.conf for a site at the root of a host."""
    listen = {"listen 80": f"listen 127.0.0.1:{port}"}
    return _adapt("nginx.conf", folder, upstream_port, listen)


def path_configuration(folder: Path, port: int, upstream_port: int) -> str:
    """Return docs/nginx-path.conf in the server block of another site."""
    locations = _adapt("nginx-path.conf", folder, upstream_port, {})
    other = "location / { return 418; }"
    return f"server {{ listen 127.0.0.1:{port}; {other}\n{locations} }}"


def _adapt(name: str, folder: Path, upstream_port: int, more: dict[str, str]) -> str:
    configuration = (DOCS / name).read_text()
    here = {
        "127.0.0.1:8000": f"127.0.0.1:{upstream_port}",
        "/srv/study/instance": str(folder / "instance"),
        "/var/log/nginx/study.log": str(folder / "error.log"),
    }
    for written, adapted in (here | more).items():
        assert written in configuration
        configuration = configuration.replace(written, adapted)
    return configuration


@contextmanager
def nginx(folder: Path, site: str) -> Iterator[None]:
    """Run nginx with this site."""
    temporary = "".join(
        f"{what}_temp_path {folder / what};"
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user} daemon off; pid {folder / 'nginx.pid'}; events {{ worker_connections 8192; }} "
        f"http {{ {temporary} {site} }}"
    )
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-c", str(file), "-e", str(folder / "start.log")])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, path: str = "/healthz") -> None:
    """Wait until nginx and the server behind it respond."""
    for _ in range(200):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise TimeoutError("nginx does not answer")
