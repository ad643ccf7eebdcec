"""Tests of the page with the downloads of a study."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from study_server.export.codebook import RESPONSE_COLUMNS
from study_server.storage.engine import write_transaction
from study_server.storage.models import Unblinding
from study_server.studies.lookup import find_study
from study_server.vocabulary import StudyState
from tests.study_server.browsing import post_form, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"
DATA = f"{STUDY}/data"


def post(client: FlaskClient, address: str, **form: str) -> TestResponse:
    return post_form(client, DATA, f"{STUDY}{address}", **form)


def read(response: TestResponse) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.text)))


def test_downloads_are_blinded_until_the_planned_sample(client: FlaskClient, frozen: Flask) -> None:
    rows = read(client.get(f"{STUDY}/files/responses.csv"))
    assert (list(rows[0]), len(rows)) == (list(RESPONSE_COLUMNS), 7)
    assert {row["truth"] for row in rows} == {""}
    with write_transaction(frozen.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.CLOSED
    assert "" not in {row["truth"] for row in read(client.get(f"{STUDY}/files/responses.csv"))}


def test_early_unblinding_is_logged_and_shown_permanently(
    client: FlaskClient, frozen: Flask
) -> None:
    assert post(client, "/files/responses.csv", reason=" ").status_code == 409
    rows = read(post(client, "/files/responses.csv", reason="a pilot of the analysis"))
    assert "" not in {row["truth"] for row in rows}
    (look,) = read(client.get(f"{STUDY}/files/unblinding.csv"))
    assert (look["by"], look["complete"]) == ("ada (a pilot of the analysis)", "1")
    assert "UTC, by ada (a pilot of the analysis), after 1 participant had finished" in words(
        client.get(DATA)
    )
    assert {row["truth"] for row in read(client.get(f"{STUDY}/files/responses.csv"))} == {""}
    with write_transaction(frozen.extensions["engine"]) as db:
        assert db.scalars(select(Unblinding.unblinded_by)).all() == [
            "ada (a pilot of the analysis)"
        ]


def test_every_listed_file_can_be_downloaded(client: FlaskClient, frozen: Flask) -> None:
    listed = re.findall(rf'href="({STUDY}/files/[^"]+)"', client.get(DATA).text)
    assert len(listed) == 13
    for address in listed:
        name = address.rpartition("/")[2]
        file = client.get(address)
        assert file.status_code == 200
        assert file.headers["Content-Disposition"] == f"attachment; filename=short-{name}"
        assert file.headers["Cache-Control"] == "private, no-store"
        if name.endswith(".zip"):
            assert zipfile.ZipFile(io.BytesIO(file.data)).testzip() is None
        elif name.endswith(".json"):
            assert json.loads(file.data)["study"] == "short"
        else:
            assert file.data.count(b"\n") >= 1


def test_without_a_design_there_is_no_design_download(client: FlaskClient, app: Flask) -> None:
    assert "design.zip" not in client.get(DATA).text
    for name in ("design.json", "design.zip", "none.csv", "responses"):
        assert client.get(f"{STUDY}/files/{name}").status_code == 404
    assert post(client, "/files/timing.csv").status_code == 404


def test_what_is_stored_is_checked_on_demand(
    client: FlaskClient, frozen: Flask, tmp_path: Path
) -> None:
    assert "Check now" in client.get(DATA).text
    assert "All counters and stimulus files are correct." in client.get(f"{DATA}?check=yes").text
    damaged = next((tmp_path / "instance" / "stimuli").rglob("*.png"))
    damaged.unlink()
    page = words(client.get(f"{DATA}?check=yes"))
    assert "1 problem was found" in page
    assert f"{damaged} is missing" in page
