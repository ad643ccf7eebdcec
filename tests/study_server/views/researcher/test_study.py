"""Tests of a study's page, its state, its participants and its downloads."""

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from study_server.storage.engine import write_transaction
from study_server.storage.models import Participant
from study_server.views.researcher.study import overview
from study_server.views.researcher.study.people import participants
from study_server.vocabulary import Mode
from tests.study_server.browsing import csrf_token, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"


def test_the_page_shows_the_progress_of_the_study(client: FlaskClient, frozen: Flask) -> None:
    page = words(client.get(STUDY))
    for text in (
        "started 1", "complete (2 planned) 1", "passed attention checks 100%",
        "images that failed to load 0", "exposures within a frame 100.0%",
        "nobody would be excluded", "1 started 1 complete 2 planned", "7 responses are stored",
    ):  # fmt: skip
        assert text in page


def test_the_part_that_refreshes_is_the_part_of_the_page(
    client: FlaskClient, frozen: Flask
) -> None:
    part = client.get(f"{STUDY}/progress")
    assert part.status_code == 200
    assert "<html" not in part.text
    assert words(part).split("1 began")[0] in words(client.get(STUDY))


def test_an_unknown_study_is_404(client: FlaskClient) -> None:
    for part in (
        "",
        "/progress",
        "/preview",
        "/report",
        "/rehearse",
        "/files/responses.csv",
    ):
        assert client.get(f"/researcher/studies/none{part}").status_code == 404


def test_previews_are_counted_separately(client: FlaskClient, app: Flask) -> None:
    entry = client.get(f"{STUDY}/preview").location
    form = {"csrf_token": csrf_token(client.get(entry)), "consent": "yes"}
    assert client.post(entry, data=form).status_code == 303
    with write_transaction(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.mode)).one() is Mode.PREVIEW


POWER = {
    "schema": "hue-and-eye/power/2",
    "goal": "To detect a difference between 30.0% and 22.5%: 40 trials per participant",
    "participants": {"80": 38, "90": None},
    "reason": "too few photographs for 90 %",
    "half_width": {"80": 0.05},
}  # fmt: skip


def test_existing_sample_size_planning_is_shown(
    client: FlaskClient, frozen: Flask, tmp_path: Path
) -> None:
    assert "python -m analysis.power" in client.get(STUDY).text
    file = tmp_path / "instance" / "reports" / "short" / "power.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(POWER))
    page = words(client.get(STUDY))
    assert f"{POWER['goal']}." in page
    assert (
        "participants for 80% power 38 participants for 90% power – planned in the design 2" in page
    )
    assert "too few photographs for 90 %" in page
    file.write_text("{}")
    assert "The sample size cannot be shown. power.json: " in words(client.get(STUDY))


def test_the_page_says_how_many_participants_are_still_being_counted(
    client: FlaskClient, frozen: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "still being counted" not in words(client.get(STUDY))
    for view in (overview, participants):
        monkeypatch.setattr(view, "MAX_COUNTED_FOR_A_PAGE", 0)
    for page in (STUDY, f"{STUDY}/participants"):
        assert "1 participant is still being counted" in words(client.get(page))
    assert "started 0" in words(client.get(STUDY))
