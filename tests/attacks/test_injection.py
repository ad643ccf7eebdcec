"""Tests of injection: text as SQL, HTML, spreadsheet formula or file path."""

import csv
import io
from itertools import product
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from study_server.storage.engine import read_session
from study_server.storage.models import Participant, Study
from tests.attacks.answering import answer_all
from tests.study_server.browsing import consent

SQL = (
    "'; DROP TABLE study; --",
    "' OR '1'='1",
    '" OR 1=1 --',
    "1; DELETE FROM participant",
    "%' --",
)


def count(app: Flask) -> tuple[int, int]:
    """Return the number of studies and of participants."""
    with read_session(app.extensions["engine"]) as db:
        studies, people = (
            db.scalar(select(func.count()).select_from(table)) for table in (Study, Participant)
        )
    return studies or 0, people or 0


@pytest.mark.parametrize("text", [" ".join(SQL), SQL[0]])
def test_no_text_is_executed_as_sql(
    text: str, app: Flask, client: FlaskClient, base: str, researcher: FlaskClient
) -> None:
    for address in (
        f"/s/{text}",
        f"/p/{text}",
        f"{base}/trials/{text}/0",
        f"/s/short?lang={text}",
    ):
        assert client.get(address).status_code in (200, 302, 404)
    client.post(f"{base}/comment", data={"comment": text})
    header = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/trials", headers=header).status_code == 401
    assert researcher.get(f"/researcher/studies/{text}").status_code == 404
    assert researcher.get(f"/researcher/studies/short/participants?page={text}").status_code == 200
    assert count(app) == (1, 1)
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.comment)).one() == text


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>"


def test_no_text_is_rendered_as_html(
    client: FlaskClient, base: str, researcher: FlaskClient
) -> None:
    answer_all(client, base)
    client.post(f"{base}/comment", data={"comment": SCRIPT})
    for page in (
        client.get(f"{base}/debrief"),
        researcher.get("/researcher/studies/short"),
        researcher.get("/researcher/studies/short/participants"),
        client.get(f"/s/short?lang={SCRIPT}"),
        client.get(f"/nowhere/{SCRIPT}"),
        client.post("/researcher/login", data={"name": SCRIPT, "password": SCRIPT}),
    ):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


FORMULAS = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1",
    '=HYPERLINK("x")', "a;=1+1;b", "a\t=1+1\tb", 'a;"=1+1"', " =1+1",
)  # fmt: skip


def test_no_cell_of_an_export_is_a_formula(app: Flask, researcher: FlaskClient) -> None:
    for formula in FORMULAS:
        submit_everywhere(formula, app.test_client())
    text = researcher.get("/researcher/studies/short/files/participants.csv").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(FORMULAS)
    for row in rows:
        cells = [row[name] for name in ("comment", "language", "viewport", "color_gamut")]
        assert all("'" in cell for cell in cells), cells
    for delimiter in ",;\t":  # as spreadsheets of different languages split the same file
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            starts = {cell.lstrip(' "')[:1] for cell in cells}
            assert not starts & set("=+-@"), cells


def submit_everywhere(formula: str, client: FlaskClient) -> None:
    """Submit a formula in every text that a participant can enter."""
    base = consent(client)
    client.post(f"{base}/comment", data={"comment": formula})
    screen = {
        "language": formula, "viewport": formula, "color_gamut": formula,
        "refresh_hz": 60, "device_pixel_ratio": 1, "inverted_colors": False, "forced_colors": False,
    }  # fmt: skip
    assert client.post(f"{base}/environment", json=screen).status_code == 204


PATHS = (
    "../instance/study.sqlite", "..%2f..%2finstance%2fstudy.sqlite", "%2e%2e/%2e%2e/study.sqlite",
    "....//study.sqlite", "..\\study.sqlite", "/etc/passwd", "%2fetc%2fpasswd",
    "..%c0%afetc/passwd",
)  # fmt: skip


def test_no_address_reads_other_files(
    client: FlaskClient, base: str, researcher: FlaskClient, tmp_path: Path
) -> None:
    assert (tmp_path / "study.sqlite").exists()
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    folders = (
        "/static/", f"{base}/trials/{trial['token']}/", f"{base}/trials/", "/s/", "/",
        "/researcher/studies/short/files/", "/researcher/studies/",
    )  # fmt: skip
    for browser, folder, path in product((client, researcher), folders, PATHS):
        reply = browser.get(f"{folder}{path}")
        assert reply.status_code in (302, 303, 308, 404, 405), f"{folder}{path}"
        assert b"SQLite format" not in reply.data
        assert b"root:" not in reply.data


def test_stimuli_are_only_served_by_trial_addresses(
    app: Flask, client: FlaskClient, base: str, tmp_path: Path
) -> None:
    folder = tmp_path / "instance" / "stimuli"
    (file, *_) = folder.rglob("*.png")
    name = file.relative_to(folder)
    for address in (f"/stimuli/{name}", f"/static/{name}", f"/{name}", f"/instance/stimuli/{name}"):
        assert client.get(address).status_code == 404
    assert consent(app.test_client()) != base
