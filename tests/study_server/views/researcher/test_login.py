"""Tests of the researchers' login, their list of studies and the interim estimates."""

import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.clock import now
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


def test_an_existing_report_is_linked_and_served(client: FlaskClient, tmp_path: Path) -> None:
    sign_in(client, "ada", PASSWORD)
    address = "/researcher/studies/short/report"
    assert address not in client.get("/researcher").text
    assert client.get(address).status_code == 404
    report = tmp_path / "instance" / "reports" / "short" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("<h1>The report</h1>")
    assert address in client.get("/researcher").text
    with client.get(address) as served:
        assert served.get_data(as_text=True) == "<h1>The report</h1>"
        assert "script-src" not in served.headers["Content-Security-Policy"]


MONITOR: dict[str, object] = {
    "schema": "hue-and-eye/monitor/2",
    "study": "short",
    "task": "real_or_fake",
    "mode": "live",
    "written_at": "2026-07-03T14:05:00+02:00",
    "participants": 41,
    "planned": 60,
    "margin": 0.05,
    "methods": {
        "mcl": {"rate": 0.312, "cs95": [0.239, 0.3849], "trials": 820, "note": None},
        "l2": {"rate": None, "cs95": None, "trials": 180, "note": "starts at 20 participants"},
    },
    "differences": [
        {
            "a": "mcl", "b": "zhang2016", "of": "rate", "difference": -0.075,
            "cs95": [-0.101, -0.0491], "verdict": "stop", "cheaper": None, "note": None,
        },
        {
            "a": "l2", "b": "mcl", "of": "rate", "difference": None, "cs95": None,
            "verdict": "continue", "cheaper": None, "note": "starts at 20 participants; 9 so far",
        },
    ],
}  # fmt: skip
RATE = {"rate": 0.3, "cs95": [0.2, 0.4], "trials": 9, "note": None}
DIFFERENCE = {
    "a": "mcl", "b": "real", "of": "mean_opinion:quality", "difference": -0.31,
    "cs95": [-0.8, 0.18], "verdict": "continue", "cheaper": "images", "note": None,
}  # fmt: skip


def show_monitor(client: FlaskClient, tmp_path: Path, content: str | bytes) -> str:
    """Return the study page with this content of monitor.json, on one line."""
    file = tmp_path / "instance" / "reports" / "short" / "monitor.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    sign_in(client, "ada", PASSWORD)
    page = client.get("/researcher/studies/short")
    assert page.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_interim_rates_are_shown_with_interval_and_time(
    client: FlaskClient, tmp_path: Path
) -> None:
    page = show_monitor(client, tmp_path, json.dumps(MONITOR))
    assert "mcl 31.2% 23.9–38.5% 820" in page
    assert "l2 starts at 20 participants 180" in page
    assert "mcl − zhang2016 −7.5 −10.1 to −4.9 Different" in page
    assert "l2 − mcl starts at 20 participants; 9 so far Undecided" in page
    assert "when it lies within ±5.0 percentage points" in page
    assert "Computed 03 July 2026, 12:05 UTC from 41 included participants (60 planned)" in page


def test_interim_differences_between_ratings_are_in_points_of_the_scale(
    client: FlaskClient, tmp_path: Path
) -> None:
    changes: dict[str, object] = {
        "task": "rating",
        "methods": {},
        "margin": None,
        "differences": [DIFFERENCE],
    }
    page = show_monitor(client, tmp_path, json.dumps(MONITOR | changes))
    assert "Differences between mean scores, in points of the scale" in page
    assert (
        "mcl − real, quality −0.31 −0.80 to 0.18 Undecided: more photographs would narrow" in page
    )
    assert "Fooling rate" not in page


@pytest.mark.parametrize(("hours", "warned"), [(1, False), (30, True)])
def test_outdated_rates_are_labeled(
    hours: int, warned: bool, client: FlaskClient, tmp_path: Path
) -> None:
    moment = now() - timedelta(hours=hours)
    page = show_monitor(client, tmp_path, json.dumps(MONITOR | {"written_at": str(moment)}))
    assert ("more than a day ago" in page) is warned


def test_rates_of_simulated_participants_are_labeled(client: FlaskClient, tmp_path: Path) -> None:
    page = show_monitor(client, tmp_path, json.dumps(MONITOR | {"mode": "simulated"}))
    assert "Interim estimates simulated" in page


def test_without_a_file_the_page_says_how_to_make_one(client: FlaskClient) -> None:
    sign_in(client, "ada", PASSWORD)
    page = client.get("/researcher/studies/short").text
    assert "To show interim estimates here" in page
    assert "--study short --out instance/reports/short/monitor.json" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Invalid JSON"),
        ('{"schema": "hue-and-eye/mon', "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        ("[]", "monitor.json: Input should be an object"),
        (json.dumps(MONITOR | {"schema": "hue-and-eye/monitor/0"}), "schema: Input should be"),
        (json.dumps(MONITOR | {"study": "other"}), "belongs to study"),
        (json.dumps(MONITOR | {"written_at": "yesterday"}), "written_at"),
        (json.dumps(MONITOR | {"methods": {"mcl": {"rate": 0.3, "trials": 9}}}), "cs95"),
        (
            json.dumps(MONITOR | {"methods": {"mcl": RATE | {"cs95": None}}}),
            "rate and cs95 must either both be null",
        ),
        (
            json.dumps(MONITOR | {"differences": [DIFFERENCE | {"difference": None}]}),
            "difference and cs95 must either both be null",
        ),
    ],
)
def test_the_page_explains_a_file_that_cannot_be_shown(
    content: str | bytes, words: str, client: FlaskClient, tmp_path: Path
) -> None:
    page = show_monitor(client, tmp_path, content)
    assert "The interim estimates cannot be shown." in page
    assert words in page
    assert "python -m analysis.monitor" in page
    assert "31.2%" not in page


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
