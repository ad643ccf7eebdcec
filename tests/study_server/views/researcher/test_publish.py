"""Tests of publishing from the Data page; the job itself is tested with its command."""

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from study_server.jobs import publications
from study_server.jobs.commands import SetProgress
from study_server.jobs.erasure import run_erasure
from study_server.jobs.queue import find_newest_jobs
from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Job, Study
from study_server.studies.lookup import find_study
from study_server.views.researcher.study import data
from study_server.vocabulary import JobKind, Mode, Role, StudyState
from tests.study_server.browsing import post_form, sign_in, words

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STUDY = "/researcher/studies/short"
DATA, PUBLICATION = f"{STUDY}/data", f"{STUDY}/publication"
FORM = {"mode": "live", "authors": "Ada Lovelace\r\n\r\n Zoë Müller \r\n", "license": "CC0-1.0"}
BUTTON = "Publish as a zip file"


@pytest.fixture
def closed(frozen: Flask) -> Flask:
    """Return an app whose study is closed, with one complete participant."""
    change(frozen, state=StudyState.CLOSED)
    return frozen


def change(app: Flask, **values: object) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        db.execute(update(Study).values(values))


def newest_job(app: Flask) -> Job | None:
    with read_session(app.extensions["engine"]) as db:
        return find_newest_jobs(db, find_study(db, "short")).get(JobKind.PUBLISH)


def write_archive(app: Flask, withdrawn: int = 0) -> None:
    folder: Path = app.extensions["settings"].reports_folder("short")
    folder.mkdir(parents=True)
    (folder / f"publication-live-{withdrawn}.zip").write_bytes(b"PK")


def test_a_closed_study_is_published_and_the_authors_are_kept(
    client: FlaskClient, closed: Flask
) -> None:
    assert "CC-BY-4.0" in client.get(DATA).text
    assert post_form(client, DATA, PUBLICATION, **FORM).location == DATA
    job = newest_job(closed)
    assert job is not None
    payload = json.loads(job.payload)
    assert payload.pop("file").endswith("reports/short/publication-live-0.zip")
    assert payload == {
        "mode": "live",
        "authors": ["Ada Lovelace", "Zoë Müller"],
        "license": "CC0-1.0",
        "url": "",
        "with_stimuli": True,
        "stimuli_url": "",
        "withdrawn": 0,
    }
    page = client.get(DATA).text
    assert "Ada Lovelace\nZoë Müller</textarea>" in page
    assert 'value="CC0-1.0"' in page
    assert "requested the publication of live participants" in client.get("/researcher/log").text


def test_images_can_stay_at_an_address(client: FlaskClient, closed: Flask) -> None:
    address = "https://example.org/faces"
    refused = post_form(client, DATA, PUBLICATION, **FORM, stimuli_url=address)
    assert refused.status_code == 409
    assert "the address of the images is for a publication without them" in words(refused)
    assert f'value="{address}"' in refused.text  # nothing that was typed is lost
    post_form(client, DATA, PUBLICATION, **FORM, stimuli="outside", stimuli_url=address)
    job = newest_job(closed)
    assert job is not None
    assert json.loads(job.payload)["stimuli_url"] == address


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (StudyState.DRAFT, "nobody has taken part in study 'short'"),
        (StudyState.OPEN, "its answers would reveal who sees what; run study close short first"),
        (StudyState.PAUSED, "study 'short' is paused"),
    ],
)
def test_a_study_that_is_not_closed_is_refused(
    state: StudyState, reason: str, client: FlaskClient, frozen: Flask
) -> None:
    change(frozen, state=state)
    page = client.get(DATA)
    assert reason in words(page)
    assert BUTTON not in page.text
    assert post_form(client, f"{STUDY}/settings", PUBLICATION, **FORM).status_code == 409
    assert newest_job(frozen) is None


def test_a_study_without_a_design_is_refused(client: FlaskClient) -> None:
    assert "study 'short' is not frozen; run study freeze short" in words(client.get(DATA))


def test_a_plan_that_compares_tags_needs_the_terminal(client: FlaskClient, closed: Flask) -> None:
    with read_session(closed.extensions["engine"]) as db:
        design = json.loads(find_study(db, "short").design or "")
    design["plan"]["covariates"] = ["tag_scene"]
    change(closed, design=json.dumps(design))
    page = client.get(DATA)
    assert "the analysis plan compares tag_scene" in words(page)
    assert "--manifest" in page.text
    assert BUTTON not in page.text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"authors": " "}, "the form: authors"),
        ({"license": "free for all"}, "write an SPDX identifier"),
        ({"mode": "preview"}, "previews cannot be published"),
        ({"mode": "simulated"}, "no simulated participant has finished it"),
    ],
)
def test_a_wrong_entry_is_named(
    wrong: dict[str, str], reason: str, client: FlaskClient, closed: Flask
) -> None:
    page = post_form(client, DATA, PUBLICATION, **FORM | wrong)
    assert page.status_code == 409
    assert reason in words(page)
    assert newest_job(closed) is None


def test_a_publication_is_not_offered_once_a_participant_has_withdrawn(
    client: FlaskClient, closed: Flask
) -> None:
    assert client.get(PUBLICATION).status_code == 404
    write_archive(closed)
    assert "short.zip" in client.get(DATA).text
    with client.get(PUBLICATION) as served:
        assert served.headers["Content-Disposition"] == "attachment; filename=short.zip"
        assert served.data == b"PK"
    change(closed, withdrawn_count=1)
    page = client.get(DATA)
    assert "1 participant withdrew; their answers were deleted" in words(page)
    assert f'href="{PUBLICATION}' not in page.text
    assert client.get(PUBLICATION).status_code == 404


def test_an_outdated_publication_is_deleted_with_the_traces(
    client: FlaskClient, closed: Flask
) -> None:
    post_form(client, DATA, PUBLICATION, **FORM)
    write_archive(closed)
    engine, settings = closed.extensions["engine"], closed.extensions["settings"]
    file: Path = settings.publication_path("short", Mode.LIVE, 0)
    run_erasure(engine, Job(), lambda _share: None)
    assert file.exists()
    change(closed, withdrawn_count=1)
    run_erasure(engine, Job(), lambda _share: None)
    assert not file.exists()


def test_a_withdrawal_while_a_study_is_published_ends_the_publication(
    client: FlaskClient, closed: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish_beside_a_withdrawal(arguments: list[str], _set_progress: SetProgress) -> None:
        Path(arguments[-1].removeprefix("--out=")).write_bytes(b"PK")
        change(closed, withdrawn_count=1)

    monkeypatch.setattr(publications, "run_command", publish_beside_a_withdrawal)
    post_form(client, DATA, PUBLICATION, **FORM)
    ((_, result),) = run_due_jobs(closed.extensions["engine"])
    assert "withdrawn in the meantime; publish again" in str(result)
    assert not list(closed.extensions["settings"].reports_folder("short").glob("*.zip"))


def test_viewers_download_but_do_not_publish(closed: Flask) -> None:
    viewer = sign_in(closed, "vic", Role.VIEWER)
    write_archive(closed)
    page = viewer.get(DATA).text
    assert f'href="{PUBLICATION}?mode=live"' in page
    assert BUTTON not in page


def test_a_damaged_file_of_facts_is_replaced(client: FlaskClient, closed: Flask) -> None:
    file: Path = closed.extensions["settings"].instance_folder / "publication.toml"
    file.write_text("authors = [")
    assert client.get(DATA).status_code == 200
    post_form(client, DATA, PUBLICATION, **FORM)
    assert "Ada Lovelace" in file.read_text()


def test_without_the_analysis_the_page_says_how_to_install_it(
    client: FlaskClient, closed: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "is_analysis_installed", lambda: False)
    page = client.get(DATA)
    assert "Run pip install 'hue-and-eye[analysis]' first" in words(page)
    assert BUTTON not in page.text
