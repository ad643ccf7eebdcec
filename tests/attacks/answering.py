"""What a participant's browser sends, in few words."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SHOWN = {"answer": "left", "rt_ms": 640, "first_ms": 100.5, "second_ms": 99.5}


def trials(client: FlaskClient, base: str) -> list[str]:
    """The addresses of the next ones."""
    told = client.get(f"{base}/trials").get_json()["trials"]
    return [f"{base}/trials/{trial['token']}" for trial in told]


def answer(client: FlaskClient, trial: str, **changes: object) -> TestResponse:
    return client.post(f"{trial}/response", json=SHOWN | changes)


def answer_all(client: FlaskClient, base: str) -> None:
    while waiting := trials(client, base):
        assert answer(client, waiting[0]).status_code == 200
