"""The short study on SQLite only, because attacks reach the same views on both databases."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from tests.study_server.browsing import consent, csrf_token

PASSWORD = "correct horse battery"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def base(client: FlaskClient) -> str:
    return consent(client)


@pytest.fixture
def researcher(app: Flask) -> FlaskClient:
    """Return a browser in which a researcher is signed in."""
    with write_transaction(app.extensions["engine"]) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password(PASSWORD))
    client = app.test_client()
    form = {"csrf_token": csrf_token(client.get("/researcher/login"))}
    client.post("/researcher/login", data=form | {"name": "ada", "password": PASSWORD})
    return client
