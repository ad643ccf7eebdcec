"""Tests that only the pixels distinguish the fake from the photograph.

benchmarks/blindness.py does the same in a browser; here, 500 trials are requested over HTTP.
"""

import time
from itertools import count
from pathlib import Path

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from study_server.app import create_app
from study_server.settings import Settings
from study_server.storage.engine import open_engine, read_session
from study_server.storage.models import Trial
from study_server.storage.schema import ensure_current_schema
from tests.blindness import Guesses, Pair, Reply, guess
from tests.conftest import SECRET, short_protocol, write_stimuli
from tests.imported_studies import open_study
from tests.study_server.acting import fake_slot
from tests.study_server.browsing import consent

PEOPLE, TRIALS = 10, 50


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=TRIALS, size=8)


@pytest.fixture
def blind_app(tmp_path: Path, many: Path) -> Flask:
    """Return an app with a study of fifty trials."""
    url = f"sqlite:///{tmp_path / 'study.sqlite'}"
    engine = open_engine(url)
    ensure_current_schema(engine)
    protocol = short_protocol("short", practice=0, trials=TRIALS, attention_checks=0)
    open_study(engine, protocol, many, tmp_path / "instance")
    return create_app(
        Settings(database_url=url, instance_folder=tmp_path / "instance", secret_key=SECRET), engine
    )


def receive(app: Flask) -> list[Pair]:
    """Return every pair of ten participants as received."""
    pairs = []
    for _ in range(PEOPLE):
        client = app.test_client()
        base = consent(client)
        while trials := client.get(f"{base}/trials").get_json()["trials"]:
            for trial in trials:
                order = count()
                left, right = (
                    fetch(client, image["image"], next(order)) for image in trial["slots"]
                )
                pairs.append(Pair(trial, left, right))
                answer = {"answer": {"choice": 0}, "rt_ms": 1, "first_ms": 1, "second_ms": 1}
                client.post(f"{base}/trials/{trial['token']}/response", json=answer)
    return pairs


def fetch(client: FlaskClient, url: str, order: int) -> Reply:
    began = time.perf_counter()
    reply = client.get(url)
    ms = 1000 * (time.perf_counter() - began)
    return Reply(url, reply.status_code, list(reply.headers), reply.data, order, ms)


def truths(engine: Engine, pairs: list[Pair]) -> list[bool]:
    """Return from the database whether the fake of each pair is on the left."""
    with read_session(engine) as db:
        slots = {t.token: fake_slot(t) for t in db.scalars(select(Trial))}
    return [slots[str(pair.trial["token"])] == 0 for pair in pairs]


@pytest.mark.slow(4)
def test_without_pixels_a_classifier_guesses_by_chance(blind_app: Flask) -> None:
    """One study in a hundred has p < 0.01 by chance; a real leak would repeat it."""
    guesses = guess_in(blind_app)
    assert guesses.of == PEOPLE * TRIALS / 2
    assert guesses.p > 0.01 or guess_in(blind_app).p > 0.01, guesses


def guess_in(app: Flask) -> Guesses:
    pairs = receive(app)
    return guess(pairs, truths(app.extensions["engine"], pairs))


@pytest.mark.slow(4)
def test_the_same_classifier_finds_a_planted_etag(blind_app: Flask) -> None:
    engine = blind_app.extensions["engine"]

    @blind_app.after_request
    def leak(reply: Response) -> Response:
        """Set the ETag to the stimulus's row id; photographs were imported before their fakes."""
        slot = (request.view_args or {}).get("slot")
        if slot is not None:
            with read_session(engine) as db:
                token = (request.view_args or {})["trial_token"]
                trial = db.scalars(select(Trial).where(Trial.token == token)).one()
                reply.set_etag(f"{trial.candidates[slot].id:x}")
        return reply

    guesses = guess_in(blind_app)
    assert guesses.p < 1e-6, guesses
