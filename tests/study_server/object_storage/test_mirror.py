"""Stimuli reach the bucket under opaque names, and every server before it shows any of them."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from study_server.app import create_app
from study_server.creation.uploads import new_upload_folder, request_import
from study_server.errors import StudyError
from study_server.jobs.runner import run_due_jobs
from study_server.object_storage.bucket import Bucket
from study_server.object_storage.mirror import mirror_stimuli, publish_to
from study_server.recruitment.opening import fetch_stimuli, open_study
from study_server.settings import Settings
from study_server.stimuli.importing import AuditFailedError, import_study
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Stimulus, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import StudyState
from tests.conftest import short_protocol
from tests.faults.servers import Server, started
from tests.study_server.browsing import consent


def stimulus_names(engine: Engine) -> list[str]:
    with read_session(engine) as db:
        return sorted(db.scalars(select(Stimulus.file)))


def read_all(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def mirror(engine: Engine, settings: Settings, bucket: Bucket) -> list[str]:
    """Fetch what this server lacks; return the reported problems."""
    problems: list[str] = []
    mirror_stimuli(engine, settings.stimuli_folder, bucket, problems.append)
    return problems


@pytest.fixture
def app(sqlite: Engine, settings: Settings) -> Flask:
    return create_app(settings, sqlite)


def test_an_import_stores_every_stimulus_under_its_opaque_name_and_others_get_the_same_bytes(
    sqlite: Engine, settings: Settings, bucket: Bucket, elsewhere: Path
) -> None:
    names = stimulus_names(sqlite)
    assert sorted(one.name for one in bucket.list()) == names
    assert all(re.fullmatch(r"[0-9a-f]{16}/[\w-]{22}\.png", name) for name in names)
    assert mirror(sqlite, settings, bucket) == []
    assert read_all(settings.stimuli_folder) == read_all(elsewhere)
    assert sorted(read_all(elsewhere)) == names


@pytest.mark.slow(0.3)
def test_an_import_that_fails_leaves_nothing_in_the_bucket(
    sqlite: Engine, bucket: Bucket, manifest: Path, tmp_path: Path, elsewhere: Path
) -> None:
    before = sorted(one.name for one in bucket.list())
    broken = manifest.with_name("broken.csv")
    lines = manifest.read_text().splitlines()
    rows = [line.replace("l2/photo-001.png", "real/photo-001.png") for line in lines]
    real = next(line.split(",")[3] for line in lines if "real/photo-001.png" in line)
    fake = next(line.split(",")[3] for line in lines if "l2/photo-001.png" in line)
    broken.write_text("\n".join(rows).replace(fake, real) + "\n")
    with pytest.raises(AuditFailedError):
        import_study(
            sqlite, short_protocol("other"), broken, tmp_path / "s", publish=publish_to(bucket)
        )

    def fail(*_: object) -> None:
        raise StudyError("the database is full")

    with pytest.raises(StudyError, match="the database is full"):
        import_study(
            sqlite, short_protocol("other"), manifest, tmp_path / "s",
            make_room=fail, publish=publish_to(bucket),
        )  # fmt: skip
    assert sorted(one.name for one in bucket.list()) == before


@pytest.mark.slow(0.5)
@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("content", [None, b"changed"], ids=["missing", "changed"])
def test_a_server_shows_nothing_of_a_study_until_it_has_all_of_it(
    content: bytes | None, sqlite: Engine, settings: Settings, bucket: Bucket, app: Flask
) -> None:
    name = stimulus_names(sqlite)[7]
    original = bucket.get(name)
    bucket.delete([name])
    if content is not None:
        bucket.put(name, content)
    (problem,) = mirror(sqlite, settings, bucket)
    assert problem.startswith(f"short: {bucket.url}/{name} ")
    assert read_all(settings.stimuli_folder) == {}
    client = app.test_client()
    health = client.get("/healthz")
    assert (health.status_code, health.get_json()["stimuli"]) == (503, "being fetched")
    refused = client.get("/s/short")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    bucket.put(name, original)
    assert mirror(sqlite, settings, bucket) == []
    assert client.get("/healthz").status_code == 200
    assert client.get("/s/short").status_code == 200


@pytest.mark.slow(0.5)
@pytest.mark.usefixtures("elsewhere")
def test_a_lost_image_is_not_fetched_on_demand_but_by_the_next_look(
    sqlite: Engine, settings: Settings, bucket: Bucket, app: Flask
) -> None:
    mirror(sqlite, settings, bucket)
    client = app.test_client()
    base = consent(client)
    trial = client.post(f"{base}/resume", json={}).get_json()["trials"][0]
    image = trial["slots"][0]["image"]
    whole = client.get(image)
    for path in settings.stimuli_folder.rglob("*.png"):
        path.unlink()
    lost = client.get(image)
    assert (lost.status_code, lost.headers["Retry-After"]) == (503, "5")
    with read_session(sqlite) as db:
        assert not db.scalar(select(Trial.voided).where(Trial.token == trial["token"]))
    assert mirror(sqlite, settings, bucket) == []
    assert client.get(image).data == whole.data


@pytest.mark.usefixtures("elsewhere")
def test_a_study_opens_once_this_server_has_its_stimuli(sqlite: Engine, settings: Settings) -> None:
    with write_transaction(sqlite) as db:
        study = find_study(db, "short")
        study.state = StudyState.PAUSED
        with pytest.raises(StudyError, match="48 stimuli are not on this server yet, such as "):
            open_study(db, study, settings, "ada")
        fetch_stimuli(db, study, settings)
        with pytest.raises(StudyError, match="freeze"):  # the next thing that is missing
            open_study(db, study, settings, "ada")


def test_an_upload_waits_for_the_server_that_has_it(
    sqlite: Engine, settings: Settings, manifest: Path, elsewhere: Path
) -> None:
    with write_transaction(sqlite) as db:
        study = find_study(db, "short")
        study.state = StudyState.DRAFT
        db.flush()
        with new_upload_folder(settings) as folder:
            request_import(db, study, manifest, folder, requested_by="ada")
    folder.rename(folder.with_name("on-another-server"))
    assert run_due_jobs(sqlite) == []


@pytest.mark.slow(5)
def test_a_server_with_a_folder_of_its_own_fetches_the_stimuli_before_it_is_well(
    settings: Settings, url: str, elsewhere: Path, tmp_path: Path
) -> None:
    server = Server(tmp_path, settings.database_url, settings={"STUDY_STIMULI_URL": url})
    with started(server):
        assert read_all(tmp_path / "instance" / "stimuli") == read_all(elsewhere)
    assert json.loads(server.log.read_text().splitlines()[-1])["status"] == 200
