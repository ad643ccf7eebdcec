"""Helpers that send the requests of a participant's browser."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SHOWN = {"answer": {"choice": 0}, "rt_ms": 640, "first_ms": 100.5, "second_ms": 99.5}


def trials(client: FlaskClient, base: str) -> list[str]:
    """Return the addresses of the next trials."""
    upcoming = client.get(f"{base}/trials").get_json()["trials"]
    return [f"{base}/trials/{trial['token']}" for trial in upcoming]


def answer(client: FlaskClient, trial: str, **changes: object) -> TestResponse:
    return client.post(f"{trial}/response", json=SHOWN | changes)


def answer_all(client: FlaskClient, base: str) -> None:
    while waiting := trials(client, base):
        assert answer(client, waiting[0]).status_code == 200
