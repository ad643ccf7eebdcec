"""The application: how many requests it answers at once."""

from flask import Flask
from flask.testing import FlaskClient

from study_server.app import MAX_CONCURRENT_READS


def test_every_read_returns_its_slot(app: Flask, client: FlaskClient) -> None:
    slots = app.extensions["read_slots"]
    for address in ("/", "/missing", "/p/unknown"):  # a page, no route, no participant
        client.get(address)
    client.post("/p/unknown/withdraw")
    free = [slots.acquire(blocking=False) for _ in range(MAX_CONCURRENT_READS + 1)]
    assert free == [True] * MAX_CONCURRENT_READS + [False]
