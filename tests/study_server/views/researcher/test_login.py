"""Tests of the researchers' login and their list of studies."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.errors import StudyError
from study_server.storage.engine import write_transaction
from study_server.studies import researchers

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PASSWORD = "correct horse battery"
PARTS = [
    f"/studies/short/{part}"
    for part in ("report", "progress", "participants", "preview", "files/responses.csv")
]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with write_transaction(app.extensions["engine"]) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password(PASSWORD))
    return app.test_client()


def sign_in(client: FlaskClient, name: str, password: str) -> TestResponse:
    (token,) = re.findall(
        r'name="csrf_token" value="([^"]+)"', client.get("/researcher/login").text
    )
    form = {"csrf_token": token, "name": name, "password": password}
    return client.post("/researcher/login", data=form)


@pytest.mark.parametrize("address", ["", "/studies/short", *PARTS])
def test_without_a_login_every_page_redirects_to_the_login(
    address: str, client: FlaskClient
) -> None:
    assert client.get(f"/researcher{address}").location == "/researcher/login"


def test_the_right_password_signs_in_until_sign_out(client: FlaskClient) -> None:
    assert sign_in(client, "ada", PASSWORD).location == "/researcher"
    page = client.get("/researcher").text
    assert "short" in page
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page)[:1]
    client.post("/researcher/logout", data={"csrf_token": token})
    assert client.get("/researcher").location == "/researcher/login"


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("eve", PASSWORD), ("", "")])
def test_a_wrong_password_and_an_unknown_name_look_alike(
    name: str, password: str, client: FlaskClient
) -> None:
    refused = sign_in(client, name, password)
    assert refused.status_code == 403
    assert "Wrong name or password." in refused.text


def test_login_attempts_are_limited(client: FlaskClient) -> None:
    statuses = [sign_in(client, "ada", "wrong").status_code for _ in range(12)]
    assert statuses.count(429) == 2


def enter(client: FlaskClient, link: str) -> TestResponse:
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(link).text)
    return client.post(link, data={"csrf_token": token})


@pytest.mark.parametrize(("hours", "uses"), [(1, 1), (-1, 0)])
def test_a_login_link_works_once_until_it_expires(
    hours: int, uses: int, client: FlaskClient, app: Flask
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        token = researchers.create_login_token(db, "ada", timedelta(hours=hours))
    link = f"/researcher/enter/{token}"
    let_in = [enter(client, link).status_code == 303 for _ in range(2)]
    assert let_in == [uses == 1, False]


def test_the_participants_address_is_the_public_one(client: FlaskClient, app: Flask) -> None:
    sign_in(client, "ada", PASSWORD)
    assert 'href="http://localhost/s/short"' in client.get("/researcher").text
    settings = app.extensions["settings"].model_copy(
        update={"public_url": "https://study.example.org"}
    )
    app.extensions["settings"] = settings
    assert 'href="https://study.example.org/s/short"' in client.get("/researcher").text


def test_a_short_password_is_refused(client: FlaskClient, app: Flask) -> None:
    with (
        pytest.raises(StudyError, match="has 5 characters; use at least 12"),
        write_transaction(app.extensions["engine"]) as db,
    ):
        researchers.add_researcher(db, "eve", researchers.hash_password("short"))
