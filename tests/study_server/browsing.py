"""The requests that browsers of participants and researchers make."""

import re
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from study_server.vocabulary import Role

PASSWORD = "correct horse battery"


def csrf_token(page: TestResponse) -> str:
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[:1]
    return str(token)


def consent(client: FlaskClient, entry: str = "/s/short") -> str:
    """Agree to take part; the participant's own address."""
    form = {"csrf_token": csrf_token(client.get(entry)), "consent": "yes"}
    answer = client.post(entry, data=form)
    assert answer.status_code == 303
    return answer.location


def sign_in(app: Flask, name: str = "ada", role: Role = Role.OWNER) -> FlaskClient:
    """Add a researcher, and return a browser in which they are signed in."""
    with write_transaction(app.extensions["engine"]) as db:
        researchers.add_researcher(db, name, researchers.hash_password(PASSWORD), role)
    client = app.test_client()
    form = {"name": name, "password": PASSWORD}
    form["csrf_token"] = csrf_token(client.get("/researcher/login"))
    assert client.post("/researcher/login", data=form).status_code == 303
    return client


def post_form(client: FlaskClient, page: str, address: str, **form: str) -> TestResponse:
    """Post a form from a page, with the page's token."""
    return client.post(address, data=form | {"csrf_token": csrf_token(client.get(page))})


def words(page: TestResponse) -> str:
    """The text of a page, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
