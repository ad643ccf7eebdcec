"""The commands know the bucket: import, check, backup and delete."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from study_server.object_storage import integrity
from study_server.object_storage.bucket import Bucket
from study_server.protocol.study_toml import format_toml
from study_server.storage.engine import read_session
from study_server.storage.models import Stimulus
from study_server.wording.files import write_wording
from tests.commands import Run, call
from tests.conftest import short_protocol

study = partial(call, "study")


@pytest.fixture
def here(url: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a server with a study to import, and let commands use the bucket."""
    monkeypatch.setenv("STUDY_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("STUDY_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("STUDY_STIMULI_URL", url)
    (tmp_path / "study.toml").write_text(format_toml(short_protocol()))
    write_wording(short_protocol(), tmp_path / "wording")
    return tmp_path


def import_short(here: Path, manifest: Path) -> Run:
    return study("import", here / "study.toml", manifest)


def read_names(engine: Engine) -> list[str]:
    with read_session(engine) as db:
        return list(db.scalars(select(Stimulus.file).order_by(Stimulus.id)))


@pytest.mark.slow(1)
def test_a_study_lives_in_the_bucket_from_its_import_to_its_deletion(
    here: Path, manifest: Path, sqlite: Engine, bucket: Bucket
) -> None:
    imported = import_short(here, manifest)
    assert f"and in {bucket.url}, the study in" in imported.stdout
    assert sorted(one.name for one in bucket.list()) == sorted(read_names(sqlite))
    assert study("check").stdout == "all studies: the counters and the stimuli are correct\n"
    assert f"copy {bucket.url} as well" in study("backup", here / "backup.sqlite").stderr
    assert study("import", here / "study.toml", manifest, "--yes").returncode == 0
    assert len(list(bucket.list())) == len(read_names(sqlite)) == 48
    assert study("delete", "short", "--yes").returncode == 0
    assert list(bucket.list()) == []


@pytest.mark.slow(1.8)
def test_check_names_what_is_missing_changed_or_of_no_study_and_mends_what_it_can(
    here: Path, manifest: Path, sqlite: Engine, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_short(here, manifest)
    missing, changed, *_ = read_names(sqlite)
    original = bucket.get(missing)
    bucket.delete([missing])
    bucket.put(changed, b"something else")
    bucket.put("left/over.png", b"")
    found = study("check")
    assert found.returncode == 2
    assert f"{bucket.url}/{missing} is missing\n" in found.stdout
    assert f"{bucket.url}/{changed} has been changed\n" in found.stdout
    assert "left/over" not in found.stdout  # an import may be running
    bucket.put(missing, original)
    bucket.put(changed, (here / "instance" / "stimuli" / changed).read_bytes())
    monkeypatch.setattr(integrity, "STALE_AFTER_S", -60)
    assert (
        f"{bucket.url}/left/over.png: no study of this database uses it\n" in study("check").stdout
    )
    shutil.rmtree(here / "instance" / "stimuli")
    mended = study("check", "--repair", "--yes")
    assert mended.stdout.endswith("all studies: the counters and the stimuli are correct\n")
    assert (here / "instance" / "stimuli" / missing).read_bytes() == original
    assert sorted(one.name for one in bucket.list()) == sorted(read_names(sqlite))


@pytest.mark.slow(0.8)
def test_an_import_into_a_storage_that_cannot_be_reached_is_one_line_and_stores_nothing(
    here: Path, manifest: Path, sqlite: Engine, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    refused = import_short(here, manifest)
    assert refused.returncode == 2
    assert f"{url}: the storage cannot be reached; check AWS_ENDPOINT_URL" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert read_names(sqlite) == []
    assert list((here / "instance" / "stimuli").iterdir()) == []


def test_an_address_that_is_no_bucket_is_refused(
    here: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_STIMULI_URL", "https://bucket.example.org")
    refused = import_short(here, manifest)
    assert refused.returncode == 2
    assert "STUDY_STIMULI_URL: " in refused.stderr
    assert "such as s3://bucket/prefix" in refused.stderr
