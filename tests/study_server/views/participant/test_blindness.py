"""Tests that only the pixels distinguish the fake from the photograph, and one method from another.

benchmarks/blindness.py does the same in a browser; here, 500 trials are requested over HTTP.
"""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from study_server.settings import Settings
from study_server.storage.engine import open_engine, read_session
from study_server.storage.models import Trial
from study_server.storage.schema import ensure_current_schema
from tests.apps import open_app
from tests.blindness import Guesses, Pair, Reply, guess
from tests.conftest import SECRET, short_protocol, write_stimuli
from tests.imported_studies import open_study
from tests.study_server.acting import fake_slot
from tests.study_server.browsing import consent
from tests.study_server.tasks.test_answers_of_tasks import SETTINGS

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
    return open_app(
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


ANSWERS: dict[str, dict[str, Any]] = {
    "preference": {"choice": 0},
    "best_worst": {"best": 0, "worst": 1},
    "ranking": {"order": [0, 1, 2]},
    "rating": {"scores": {"quality": 3, "warmth": 50}},
}


def receive_judged(app: Flask, task: str) -> Iterator[tuple[dict[str, Any], list[Reply]]]:
    """Yield every trial of some participants, and the replies for its candidates."""
    for _ in range(5 if task == "rating" else 2):
        client = app.test_client()
        base = consent(client)
        while trials := client.get(f"{base}/trials").get_json()["trials"]:
            for trial in trials:
                order = count()
                assert trial["caption"]
                fetch(client, trial["reference"], next(order))
                yield (
                    trial,
                    [fetch(client, one["image"], next(order)) for one in trial["slots"]],
                )
                answer = {"answer": ANSWERS[task], "rt_ms": 1, "first_ms": 1}
                sent = client.post(f"{base}/trials/{trial['token']}/response", json=answer)
                assert sent.status_code == 200


@pytest.mark.slow(8)
@pytest.mark.parametrize("task", sorted(SETTINGS))
def test_without_pixels_the_methods_of_a_judged_task_are_guessed_by_chance(
    task: str, many: Path, tmp_path: Path
) -> None:
    """The first two candidates of a trial are compared, or the images of two trials of a rating."""
    header, *lines = many.read_text().splitlines()
    captioned = many.with_name("captioned.csv")
    rows = [f"{header},caption", *(f"{line},a house: {line.split(',')[0]}" for line in lines)]
    captioned.write_text("\n".join(rows) + "\n")
    url = f"sqlite:///{tmp_path / 'study.sqlite'}"
    engine = open_engine(url)
    ensure_current_schema(engine)
    shown = {"reference": "real", "caption": True, "assignment": "within", "practice": 0}
    settings = SETTINGS[task] | shown | {"task": task, "trials": TRIALS, "attention_checks": 0}
    open_study(engine, short_protocol("short", **settings), captioned, tmp_path / "instance")
    app = open_app(
        Settings(database_url=url, instance_folder=tmp_path / "instance", secret_key=SECRET), engine
    )
    received = list(receive_judged(app, task))
    with read_session(engine) as db:
        methods = {
            trial.token: [one.method for one in trial.candidates]
            for trial in db.scalars(select(Trial))
        }
    if task == "rating":
        seen = [(trial, reply, methods[trial["token"]][0]) for trial, (reply,) in received]
        compared = [
            (Pair(trial, one, other), [method, other_method])
            for (trial, one, method), (_, other, other_method) in zip(
                seen[::2], seen[1::2], strict=True
            )
        ]
    else:
        compared = [
            (Pair(trial, *replies[:2]), methods[trial["token"]][:2]) for trial, replies in received
        ]
    different = [(pair, one < other) for pair, (one, other) in compared if one != other]
    guesses = guess([pair for pair, _ in different], [is_first for _, is_first in different])
    assert guesses.of >= 20
    assert guesses.p > 1e-4, guesses
    engine.dispose()
