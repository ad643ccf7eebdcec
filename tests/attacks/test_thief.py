"""Tests of what somebody learns from stolen database files."""

from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from study_server.clock import now
from study_server.participants.withdrawal import anonymize_participants
from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from study_server.studies.lookup import find_study
from tests.attacks.answering import answer_all
from tests.attacks.conftest import PASSWORD
from tests.conftest import SECRET

ADDRESS, BROWSER, WORKER = "198.51.100.23", "Curious/1.0", "A1B2C3D4E5F6G7"


def take_part(client: FlaskClient) -> str:
    """Take part as a crowd worker with an IP address and a user agent; return the token."""
    headers = {"User-Agent": BROWSER, "X-Forwarded-For": ADDRESS}
    texts = client.get("/api/v1/studies/short").get_json()["texts"]["en"]
    body = {"consent": True, "consent_version": texts["consent_version"], "language": "en"}
    reply = client.post(
        "/api/v1/studies/short/participants",
        json=body | {"external_id": WORKER},
        headers=headers,
        environ_base={"REMOTE_ADDR": ADDRESS},
    )
    token = str(reply.get_json()["token"])
    answer_all(client, f"/p/{token}")
    return token


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob("study.sqlite*")))


def test_database_files_contain_no_identities_and_no_secrets(
    app: Flask, client: FlaskClient, researcher: FlaskClient, tmp_path: Path
) -> None:
    take_part(client)
    with write_transaction(app.extensions["engine"]) as db:
        link = researchers.create_login_token(db, "ada", now() - now().replace(year=2000))
    stolen = all_bytes(tmp_path)
    assert b"SQLite format" in stolen
    for secret in (WORKER, ADDRESS, BROWSER, PASSWORD, SECRET, link):
        assert secret.encode() not in stolen


def test_after_anonymization_no_list_identifies_participants(
    app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    """The key is stored next to the hashes until then, so a thief could test a list of ids."""
    token = take_part(client)
    with write_transaction(app.extensions["engine"]) as db:
        assert anonymize_participants(db, find_study(db, "short"), now()) == 1
    assert client.get(f"/p/{token}").status_code == 404
