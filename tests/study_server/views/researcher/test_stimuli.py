"""Tests of the page of stimuli: uploads, the audit's findings, and thumbnails."""

import io
import os
import re
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageEnhance
from sqlalchemy import select
from werkzeug.test import TestResponse

from study_server.clock import now
from study_server.creation.drafts import create_draft
from study_server.creation.uploads import find_unneeded_uploads
from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import AcceptedWarning, Job, Stimulus
from study_server.studies.lookup import find_study
from study_server.vocabulary import JobState
from tests.conftest import write_stimuli
from tests.study_server.browsing import csrf_token, post_form, words
from tests.study_server.creation.zips import Names, read_names, write_zip

pytestmark = [
    pytest.mark.slow(40),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

PAGE = "/researcher/studies/faces/stimuli"


@pytest.fixture
def client(
    app: Flask, client: FlaskClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> FlaskClient:
    """Return a browser in which Ada is signed in, beside a draft called faces."""
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_INSTANCE", str(app.extensions["settings"].instance_folder))
    with write_transaction(app.extensions["engine"]) as db:
        create_draft(db, "faces", "Faces", "within", ["en"])
    return client


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return read_names(tmp_path / "images", 12)


def upload(client: FlaskClient, content: bytes, page: str = PAGE) -> TestResponse:
    form = {"csrf_token": csrf_token(client.get(page)), "zip": (io.BytesIO(content), "faces.zip")}
    return client.post(f"{page}/upload", data=form, content_type="multipart/form-data")


def upload_names(client: FlaskClient, names: Names, folder: Path) -> TestResponse:
    return upload(client, write_zip(folder / "upload.zip", names).read_bytes())


def post(client: FlaskClient, action: str, **form: str) -> TestResponse:
    token = csrf_token(client.get(PAGE))
    return client.post(f"{PAGE}/{action}", data={"csrf_token": token, **form})


def uploads(app: Flask) -> list[str]:
    """Return the names of everything below the folder of uploads."""
    folder = app.extensions["settings"].uploads_folder
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def run_jobs(app: Flask) -> str:
    """Run the import that was requested; return its message."""
    ((_, result),) = run_due_jobs(app.extensions["engine"])
    return result.message


def test_an_upload_is_imported_in_the_background_and_shown(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    assert upload_names(client, names, tmp_path).location == PAGE
    assert "It starts within seconds." in client.get(PAGE).text
    assert "An import is under way" in client.get(PAGE).text
    assert upload_names(client, names, tmp_path).status_code == 409
    assert run_jobs(app).startswith("36 stimuli of 12 images are stored; method l2.")
    assert uploads(app) == []
    page = client.get(PAGE)
    assert "images 12 real 12 l2 12 foil 12" in words(page)
    assert "The images allow" in words(page)
    addresses = re.findall(rf'src="({PAGE}/\d+/thumbnail)"', page.text)
    assert len(addresses) == 36
    thumbnail = client.get(addresses[0])
    assert (thumbnail.mimetype, thumbnail.data[:4]) == ("image/png", b"\x89PNG")
    assert app.test_client().get(addresses[0]).location == "/researcher/login"
    assert client.get(addresses[0].replace("faces", "short")).status_code == 404
    assert "uploaded stimuli" in client.get("/researcher/log").text


def test_pages_of_images_follow_each_other(client: FlaskClient, app: Flask, tmp_path: Path) -> None:
    upload_names(client, read_names(tmp_path / "many", 30), tmp_path)
    run_jobs(app)
    page = client.get(f"{PAGE}?page=2")
    assert "photo-012" in page.text
    assert "photo-011" not in page.text
    assert "page 2 of 3" in words(page)


def test_warnings_are_shown_with_thumbnails_and_accepted_with_a_reason(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    upload_names(client, names | {"real/photo-001.png": names["real/photo-000.png"]}, tmp_path)
    assert run_jobs(app) == "The audit found 0 errors and 3 warnings, so nothing was stored"
    page = client.get(PAGE)
    assert "Warning: duplicate 1 finding photo-000 and photo-001 are the same photograph" in words(
        page
    )
    addresses = re.findall(rf'src="({PAGE}/findings/\d+)"', page.text)
    assert len(addresses) == len(set(addresses)) >= 2
    assert all(client.get(address).data[:4] == b"\x89PNG" for address in addresses)
    assert client.get(f"{PAGE}/findings/99").status_code == 404
    assert post(client, "accept", **{"reason-0": "why"}).status_code == 400
    reasons = {f"reason-{number}": "They are twins." for number in range(3)}
    assert post(client, "accept", **reasons).status_code == 303
    assert run_jobs(app).startswith("36 stimuli of 12 images are stored")
    assert uploads(app) == []
    with read_session(app.extensions["engine"]) as db:
        assert set(db.scalars(select(AcceptedWarning.reason))) == {"They are twins."}
    assert "Accepted: They are twins." in client.get(PAGE).text


def test_deleting_the_study_removes_an_upload_that_waits_for_a_decision(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    upload_names(client, names | {"real/photo-001.png": names["real/photo-000.png"]}, tmp_path)
    run_jobs(app)
    assert "stimuli.zip" in uploads(app)
    settings = PAGE.replace("/stimuli", "/settings")
    assert post_form(client, settings, f"{settings}/delete", slug="faces").status_code == 303
    assert uploads(app) == []


def test_errors_cannot_be_accepted_and_the_upload_is_removed(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    upload_names(client, names | {"l2/photo-001.png": names["real/photo-001.png"]}, tmp_path)
    assert "found 1 error" in run_jobs(app)
    page = client.get(PAGE)
    assert "Errors cannot be accepted. Correct the images and upload them again." in words(page)
    assert "Accept and import" not in page.text
    assert "stimuli.zip" not in uploads(app)
    assert post(client, "accept", **{"reason-0": "why"}).status_code == 409
    assert post(client, "discard").status_code == 303
    assert uploads(app) == []
    assert post(client, "discard").status_code == 409


def make_bomb() -> bytes:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"real/{number}.png", bytes(10_000_000))
    return bomb.getvalue()


def zip_of(**names: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"These are my images.", "the file is not a zip, or it is damaged"),
        (make_bomb(), "times as large as the zip, which images never are"),
        (zip_of(**{"../a.png": b""}), "outside its own folders: '../a.png'"),
        (zip_of(**{"real/a.png": b"text", "gan/a.png": b""}), "a.png is not a readable PNG"),
        (zip_of(**{"gan/a.png": b""}), "there is no folder 'real' with the photographs"),
    ],
    ids=["text", "bomb", "outside", "text as image", "no photographs"],
)
def test_a_refusal_names_its_reason_and_leaves_nothing(
    content: bytes, message: str, client: FlaskClient, app: Flask
) -> None:
    assert upload(client, content).status_code == 303
    run_jobs(app)
    assert message in words(client.get(PAGE))
    assert "Traceback" not in client.get(PAGE).text
    assert uploads(app) == []
    with read_session(app.extensions["engine"]) as db:
        study = find_study(db, "faces")
        assert db.scalars(select(Stimulus).where(Stimulus.study_id == study.id)).all() == []


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(
    client: FlaskClient, app: Flask
) -> None:
    settings = app.extensions["settings"].model_copy(update={"max_upload_mb": 1})
    app.extensions["settings"] = settings
    kind = "multipart/form-data; boundary=x"
    reply = client.post(f"{PAGE}/upload", data=bytes(1_200_000), content_type=kind)
    assert (reply.status_code, "larger than 1 MB" in reply.text) == (409, True)
    assert uploads(app) == []


@pytest.mark.parametrize("token", ["", "wrong"])
def test_an_upload_without_the_token_of_the_form_stores_nothing(
    token: str, client: FlaskClient, app: Flask
) -> None:
    form = {"csrf_token": token, "zip": (io.BytesIO(zip_of(a=b"")), "faces.zip")}
    reply = client.post(f"{PAGE}/upload", data=form, content_type="multipart/form-data")
    assert (reply.status_code, uploads(app)) == (400, [])
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Job)).all() == []


BOUNDARY = "--x\r\nContent-Disposition: form-data; name="


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no form at all",
        f'{BOUNDARY}"csrf_token"\r\n\r\nTOKEN\r\n--x--\r\n',
        f'{BOUNDARY}"csrf_token"\r\n\r\nTOKEN\r\n{BOUNDARY}"zip"; filename="a.zip"\r\n\r\nPK',
        f'{BOUNDARY}"csrf_token"\r\n\r\nTOKEN\r\n{BOUNDARY}"zip"; filename=""\r\n\r\n\r\n--x--\r\n',
        f'{BOUNDARY}"csrf_token"\r\n\r\n{"a" * 70_000}\r\n--x--\r\n',
        "--x\r\nno header\r\n\r\ndata\r\n--x--\r\n",
    ],
    ids=["empty", "no form", "no file", "cut off", "no file chosen", "a long field", "no header"],
)
def test_a_broken_form_is_refused_and_leaves_nothing(
    body: str, client: FlaskClient, app: Flask
) -> None:
    token = csrf_token(client.get(PAGE))
    reply = client.post(
        f"{PAGE}/upload",
        data=body.replace("TOKEN", token).encode(),
        content_type="multipart/form-data; boundary=x",
    )
    assert reply.status_code == 400
    assert uploads(app) == []


def test_a_manifest_on_the_server_is_imported(
    client: FlaskClient, app: Flask, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    assert post(client, "manifest", manifest=str(manifest)).status_code == 303
    assert run_jobs(app).startswith("48 stimuli of 12 images are stored; methods l2, mcl.")
    assert manifest.exists()
    assert uploads(app) == []
    for path in ("nowhere.csv", "/etc/passwd", "", f"{'x' * 5000}.csv", "~nobody/x.csv"):
        reply = post(client, "manifest", manifest=path)
        assert (reply.status_code, "on the server" in reply.text) == (400, True)


def test_an_open_study_keeps_its_stimuli(client: FlaskClient) -> None:
    page = "/researcher/studies/short/stimuli"
    assert "is open, so people may be taking part" in words(client.get(page))
    assert 'type="file"' not in client.get(page).text
    token = csrf_token(client.get(page))
    form = {"csrf_token": token, "zip": (io.BytesIO(b"PK"), "faces.zip")}
    reply = client.post(f"{page}/upload", data=form, content_type="multipart/form-data")
    assert reply.status_code == 409


def test_what_a_dead_server_left_is_removed_with_the_next_upload(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    settings = app.extensions["settings"]
    upload_names(client, names, tmp_path)
    (waiting,) = settings.uploads_folder.iterdir()
    orphan = settings.uploads_folder / "orphan"
    orphan.mkdir()
    with read_session(app.extensions["engine"]) as db:
        assert find_unneeded_uploads(db, settings) == []  # the orphan may still be arriving
    for path in (orphan, waiting, waiting / "stimuli.zip"):
        os.utime(path, (0, 0))
    with write_transaction(app.extensions["engine"]) as db:
        assert find_unneeded_uploads(db, settings) == [orphan]  # a job will import the other
        job = db.scalars(select(Job)).one()
        job.state, job.finished_at = JobState.FAILED, now()
    upload_names(client, names, tmp_path)
    assert not orphan.exists()
    assert not waiting.exists()


def brighten(content: bytes) -> bytes:
    brighter = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        ImageEnhance.Brightness(image).enhance(1.3).save(brighter, "PNG")
    return brighter.getvalue()


def test_generated_images_in_a_study_of_recolored_ones_come_with_advice(
    client: FlaskClient, app: Flask, names: Names, tmp_path: Path
) -> None:
    advice = "This study expects fakes that differ from their photographs in color only."
    changed = {"l2/photo-001.png": brighten(names["l2/photo-001.png"])}
    upload_names(client, names | changed, tmp_path)
    assert "1 warning" in run_jobs(app)
    assert advice in words(client.get(PAGE))
    assert post(client, "discard").status_code == 303
    page = client.get("/researcher/studies/faces/protocol").text
    assert re.search(r'<select[^>]* name="stimuli"', page)
