"""Tests against guessed passwords, forged client addresses and default credentials."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from study_server.app import create_app
from study_server.errors import StudyError
from study_server.settings import read_settings, require_secret
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import LoginLink, Participant, Researcher
from study_server.studies.researchers import PASSWORD_HASHER, add_researcher, hash_password
from tests.attacks.conftest import PASSWORD
from tests.study_server.browsing import consent, csrf_token


def guess(client: FlaskClient, times: int, forwarded: str = "") -> list[int]:
    """Try passwords and return the statuses.

    forwarded: the X-Forwarded-For header; {} is replaced by the number of the attempt.
    """
    form = {"csrf_token": csrf_token(client.get("/researcher/login")), "name": "ada"}
    statuses = []
    for number in range(times):
        headers = {"X-Forwarded-For": forwarded.format(number)} if forwarded else {}
        data = form | {"password": f"guess {number}"}
        statuses.append(client.post("/researcher/login", data=data, headers=headers).status_code)
    return statuses


def behind_proxies(app: Flask, count: int) -> FlaskClient:
    settings = app.extensions["settings"].model_copy(update={"trusted_proxies": count})
    return create_app(settings, app.extensions["engine"]).test_client()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "refused"),
    [
        (0, "", 2),
        (0, "198.51.100.{}", 2),  # any client can send the header
        (
            1,
            "198.51.100.{}, 192.0.2.7",
            2,
        ),  # the proxy adds the last address
        (1, "198.51.100.{}", 0),  # different clients behind one proxy
    ],
)
@pytest.mark.slow(2)
def test_login_attempts_per_address_are_limited_whatever_the_headers(
    proxies: int, forwarded: str, refused: int, app: Flask
) -> None:
    statuses = guess(behind_proxies(app, proxies), 12, forwarded)
    assert statuses.count(429) == refused
    assert set(statuses) <= {403, 429}


def test_a_password_is_checked_while_answers_can_be_stored(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Argon2 takes as long as many answers, so no lock may be held meanwhile."""
    base, hasher = consent(client), PASSWORD_HASHER

    class Checking:
        """Argon2, while a participant sends something."""

        def verify(self, stored: str, password: str) -> bool:
            with ThreadPoolExecutor(1) as other:
                comment = {"comment": "meanwhile"}
                post = other.submit(app.test_client().post, f"{base}/comment", data=comment)
                assert post.result(timeout=5).status_code == 303
            return hasher.verify(stored, password)

    with write_transaction(app.extensions["engine"]) as db:
        add_researcher(db, "ada", hash_password(PASSWORD))
    monkeypatch.setattr("study_server.studies.researchers.PASSWORD_HASHER", Checking())
    form = {"csrf_token": csrf_token(client.get("/researcher/login")), "name": "ada"}
    reply = client.post("/researcher/login", data=form | {"password": PASSWORD})
    assert reply.location == "/researcher"
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.comment)).one() == "meanwhile"


def test_attempts_at_login_links_are_limited(client: FlaskClient) -> None:
    page = client.get("/researcher/enter/guess")
    form = {"csrf_token": csrf_token(page)}
    statuses = [client.post(f"/researcher/enter/{n}", data=form).status_code for n in range(12)]
    assert statuses == [403] * 10 + [429] * 2


@pytest.mark.slow(0.5)
def test_participants_behind_one_address_are_not_limited(app: Flask) -> None:
    for _ in range(30):
        client = app.test_client()
        base = consent(client)
        assert client.post(f"{base}/resume", json={}).status_code == 200


def test_there_is_no_default_login(app: Flask, client: FlaskClient) -> None:
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Researcher)).all() == []
        assert db.scalars(select(LoginLink)).all() == []
    for name, password in (("admin", "admin"), ("", ""), ("admin", ""), ("root", "password")):
        form = {"csrf_token": csrf_token(client.get("/researcher/login"))}
        reply = client.post("/researcher/login", data=form | {"name": name, "password": password})
        assert reply.status_code == 403


@pytest.mark.parametrize("secret", ["", "short", "x" * 15])
def test_there_is_no_default_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_SECRET_KEY", secret)
    with pytest.raises(StudyError, match="at least 16 random characters"):
        require_secret(read_settings())


def test_passwords_are_stored_as_argon2_hashes(app: Flask) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        add_researcher(db, "ada", hash_password(PASSWORD))
    with read_session(app.extensions["engine"]) as db:
        stored = db.scalars(select(Researcher.password_hash)).one()
    assert re.match(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$", str(stored))


@pytest.mark.parametrize("number", ["nginx", "-1"])
def test_an_invalid_number_of_proxies_gets_a_one_line_error(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_TRUSTED_PROXIES", number)
    with pytest.raises(StudyError, match=r"^STUDY_TRUSTED_PROXIES: .*; use 0, or 1 behind nginx$"):
        read_settings()
