"""Tests that /metrics counts what the server does, for a monitor that knows the token only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from study_server.app import create_app
from study_server.jobs.queue import request_job
from study_server.settings import Settings
from study_server.storage.engine import write_transaction
from study_server.vocabulary import JobKind
from study_server.web.metrics import FOLDER_VARIABLE
from tests.conftest import SECRET, short_protocol
from tests.imported_studies import open_study
from tests.study_server.browsing import consent

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TOKEN = "a token for the monitor"


@pytest.fixture
def client(engine: Engine, database_url: str, manifest: Path, tmp_path: Path) -> FlaskClient:
    """Return a browser of a server that has metrics and the short study."""
    instance = tmp_path / "instance"
    open_study(engine, short_protocol(), manifest, instance)
    settings = Settings(
        database_url=database_url, instance_folder=instance, secret_key=SECRET, metrics_token=TOKEN
    )
    return create_app(settings, engine).test_client()


def scrape(client: FlaskClient) -> dict[str, float]:
    reply = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert reply.status_code == 200
    lines = [line for line in reply.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def answer_one_trial(client: FlaskClient) -> str:
    """Take part until the first answer; return the participant's address."""
    base = consent(client)
    batch = client.post(f"{base}/resume", json={}).get_json()
    trial = f"{base}/trials/{batch['trials'][0]['token']}"
    client.post(f"{trial}/start", json={})
    body = {
        "answer": {"choice": 0}, "rt_ms": 800, "first_ms": 1000.0, "second_ms": 1000.0,
        "id": "one",
    }  # fmt: skip
    assert client.post(f"{trial}/response", json=body).status_code == 200
    return base


def test_answers_requests_and_people_under_way_are_counted(client: FlaskClient) -> None:
    before = scrape(client)
    assert before["study_answers_total"] == before["study_participants_under_way"] == 0
    answer_one_trial(client)
    after = scrape(client)
    assert after["study_answers_total"] == after["study_participants_under_way"] == 1
    route = "/p/<token>/trials/<trial_token>/response"
    assert after[f'study_requests_total{{method="POST",route="{route}",status="200"}}'] == 1
    assert after[f'study_request_seconds_count{{route="{route}"}}'] == 1


def test_waiting_jobs_are_counted(client: FlaskClient, engine: Engine) -> None:
    with write_transaction(engine) as db:
        request_job(db, JobKind.ERASE_TRACES, requested_by="test")
    assert scrape(client)['study_jobs{state="waiting"}'] == 1


def test_metrics_contain_no_id(client: FlaskClient) -> None:
    base = answer_one_trial(client)
    client.get("/nothing/of/the/kind")
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert base.rpartition("/")[2] not in text
    assert "of/the/kind" not in text
    routes = set(re.findall('route="([^"]*)"', text))
    assert {"none", "/s/<slug>", "/p/<token>/resume"} <= routes


COUNT = """
import sys
from prometheus_client import generate_latest
from study_server.web.metrics import Metrics
metrics = Metrics()
if sys.argv[1:]:
    metrics.answers.inc(int(sys.argv[1]))
else:
    print(generate_latest(metrics.registry).decode())
"""


@pytest.mark.slow(2)
@pytest.mark.usefixtures("database_url")
def test_worker_processes_share_their_counters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    for answers in ("3", "4"):
        subprocess.run([sys.executable, "-c", COUNT, answers], check=True)
    scraped = subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True)
    assert "study_answers_total 7.0" in scraped.stdout.decode()


@pytest.mark.parametrize("header", ["", TOKEN, "Bearer ", f"Bearer {TOKEN}!"])
def test_without_the_token_there_is_no_such_page(client: FlaskClient, header: str) -> None:
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_without_the_setting_there_is_no_such_page(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database_url, instance_folder=tmp_path, secret_key=SECRET)
    client = create_app(settings, engine).test_client()
    reply = client.get("/metrics", headers={"Authorization": "Bearer "})
    assert reply.status_code == 404
