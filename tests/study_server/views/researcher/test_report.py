"""Tests of the page with a study's report and its interim estimates."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from study_server.clock import now
from study_server.jobs.queue import find_newest_jobs
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Job
from study_server.studies.lookup import find_study
from study_server.views.researcher.study import report
from study_server.vocabulary import JobKind, StudyState
from tests.study_server.browsing import csrf_token, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REPORT = "/researcher/studies/short/report"


def set_state(app: Flask, state: StudyState) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = state


def newest(app: Flask, kind: JobKind) -> Job | None:
    with read_session(app.extensions["engine"]) as db:
        return find_newest_jobs(db, find_study(db, "short")).get(kind)


def write_report(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<h1>The report</h1>")
    data = {"mode": "live", "rows": 1234, "participants": 30}
    (folder / "report.json").write_text(json.dumps({"input": data}))
    (folder / "rates.csv").write_text("method,rate\n")


def test_an_existing_report_is_shown_in_the_page(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get(f"{REPORT}/page").status_code == 404
    write_report(tmp_path / "instance" / "reports" / "short")
    page = client.get(REPORT)
    assert "from 1,234 trials of 30 live participants" in words(page)
    assert f'src="{REPORT}/page?mode=live"' in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    with client.get(f"{REPORT}/page") as served:
        assert served.get_data(as_text=True) == "<h1>The report</h1>"
        assert "script-src" not in served.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in served.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in served.headers
    with client.get(f"{REPORT}/files/rates.csv") as served:
        assert served.headers["Content-Disposition"] == "attachment; filename=short-rates.csv"
    for name in ("report.html", "none.csv", "../../study.sqlite"):
        assert client.get(f"{REPORT}/files/{name}").status_code == 404


def test_the_report_on_simulated_participants_is_another_one(
    client: FlaskClient, tmp_path: Path
) -> None:
    write_report(tmp_path / "instance" / "reports" / "short" / "simulated")
    assert "There is no report on live participants yet" not in client.get(REPORT).text
    page = client.get(f"{REPORT}?mode=simulated").text
    assert f'src="{REPORT}/page?mode=simulated"' in page
    assert "SIMULATED: none of these participants counts" in page


def test_there_is_no_live_report_while_the_study_is_blinded(
    client: FlaskClient, frozen: Flask
) -> None:
    app, page = frozen, client.get(REPORT)
    assert "The study is blinded until 2 participants have finished, or until it" in words(page)
    form = {"csrf_token": csrf_token(page), "mode": "live"}
    assert client.post(REPORT, data=form).status_code == 409
    assert newest(app, JobKind.REPORT) is None
    set_state(app, StudyState.CLOSED)
    assert client.post(REPORT, data=form).location == f"{REPORT}?mode=live"
    job = newest(app, JobKind.REPORT)
    assert job is not None
    assert (job.requested_by, json.loads(job.payload)) == ("ada", {"mode": "live"})
    assert "It starts within seconds." in client.get(REPORT).text
    assert client.post(REPORT, data=form | {"mode": "preview"}).status_code == 409
    assert client.post(REPORT, data=form | {"mode": "dead"}).status_code == 400


def test_there_is_no_report_on_participants_who_have_not_answered(client: FlaskClient) -> None:
    page = client.get(f"{REPORT}?mode=simulated")
    assert "No simulated participant has answered yet, so there is no report." in words(page)
    assert "Make the report" not in page.text
    form = {"csrf_token": csrf_token(page), "mode": "simulated"}
    assert client.post(REPORT, data=form).status_code == 409


def test_interim_estimates_are_requested(client: FlaskClient, app: Flask) -> None:
    form = {"csrf_token": csrf_token(client.get(REPORT))}
    assert client.post(f"{REPORT}/monitor", data=form).location == REPORT
    assert newest(app, JobKind.MONITOR) is not None
    assert "requested the interim estimates" in client.get("/researcher/log").text


def test_without_the_analysis_the_page_says_how_to_install_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "is_analysis_installed", lambda: False)
    page = words(client.get(f"{REPORT}?mode=simulated"))
    assert "run pip install 'hue-and-eye[analysis]'" in page
    assert "Make the report" not in page


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
    """Return the report page with this content of monitor.json, on one line."""
    file = tmp_path / "instance" / "reports" / "short" / "monitor.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    page = client.get("/researcher/studies/short/report")
    assert page.status_code == 200
    return words(page)


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


@pytest.mark.parametrize(
    ("content", "reason"),
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
    content: str | bytes, reason: str, client: FlaskClient, tmp_path: Path
) -> None:
    page = show_monitor(client, tmp_path, content)
    assert "The interim estimates cannot be shown." in page
    assert reason in page
    assert "Compute them again" in page
    assert "31.2%" not in page
