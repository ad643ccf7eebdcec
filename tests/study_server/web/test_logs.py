"""Tests that logs and /healthz report what the server does without identifying participants."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from study_server.participants import participation
from study_server.storage.engine import write_transaction
from study_server.storage.models import Stimulus
from study_server.web.logs import REQUEST_LOGGER
from tests.study_server.browsing import consent
from tests.study_server.later_revision import add_later_revision

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    before = REQUEST_LOGGER.level
    REQUEST_LOGGER.addHandler(handler)
    REQUEST_LOGGER.setLevel(logging.INFO)
    yield written
    REQUEST_LOGGER.removeHandler(handler)
    REQUEST_LOGGER.setLevel(before)


def test_a_request_is_one_line_with_the_pattern_of_its_route(
    client: FlaskClient, log: io.StringIO
) -> None:
    base = consent(client)
    client.get(f"{base}/trials?who=ada")
    client.get("/nothing/of/the/kind")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/s/<slug>", 200),
        ("POST", "/s/<slug>", 303),
        ("GET", "/p/<token>/trials", 200),
        ("GET", "none", 404),
    ]
    for line in lines:
        assert set(line) == {"at", "method", "route", "status", "ms"}
        assert line["ms"] > 0
    for secret in (base.rpartition("/")[2], "ada", "127.0.0.1", "of/the/kind", "Werkzeug"):
        assert secret not in log.getvalue()


def test_a_logged_exception_has_its_location_but_no_personal_data(
    app: Flask, base: str, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("my worker id is A1B2C3")

    monkeypatch.setattr(participation, "store_environment", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    screen = {
        "language": "de", "refresh_hz": 60, "device_pixel_ratio": 2, "viewport": "800x600",
        "color_gamut": "p3", "inverted_colors": False, "forced_colors": False,
    }  # fmt: skip
    assert app.test_client().post(f"{base}/environment", json=screen).status_code == 500
    failure, request = (json.loads(line) for line in log.getvalue().splitlines())
    assert (failure["error"], failure["route"]) == ("ValueError", "/p/<token>/environment")
    assert any("trial_routes.py" in frame for frame in failure["traceback"])
    assert request["status"] == 500
    assert "A1B2C3" not in log.getvalue()
    assert base.rpartition("/")[2] not in log.getvalue()


def test_a_failing_statement_does_not_quote_its_values(app: Flask) -> None:
    with (
        write_transaction(app.extensions["engine"]) as db,
        pytest.raises(OperationalError) as failure,
    ):
        db.connection().exec_driver_sql("SELECT nothing WHERE ?", ("green sky",))
    assert "green sky" not in str(failure.value)


def test_health_is_200_while_the_server_can_do_its_work(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ok", "database": "ok", "schema": "ok", "stimuli": "ok", "jobs": "ok",
    }  # fmt: skip


def test_health_names_what_fails(
    client: FlaskClient, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_later_revision(tmp_path, monkeypatch)
    with write_transaction(app.extensions["engine"]) as db:
        db.execute(update(Stimulus).values(file="gone/" + Stimulus.file))
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json() == {
        "status": "failing", "database": "ok", "stimuli": "not readable",
        "schema": "schema 0001 is out of date; run `study upgrade`", "jobs": "ok",
    }  # fmt: skip


def test_health_notices_a_truncated_stimulus(client: FlaskClient, app: Flask) -> None:
    for file in app.extensions["settings"].stimuli_folder.rglob("*.png"):
        os.truncate(file, 100)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()["stimuli"]) == (503, "damaged")


def test_health_survives_the_loss_of_the_database(
    client: FlaskClient, app: Flask, tmp_path: Path
) -> None:
    engine = app.extensions["engine"]
    engine.dispose()
    for file in tmp_path.glob("study.sqlite*"):
        file.unlink()
    (tmp_path / "study.sqlite").mkdir()
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["database"] == "the database does not respond"
