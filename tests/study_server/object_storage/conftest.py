"""A bucket, and servers whose folders mirror it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from study_server.object_storage.bucket import Bucket
from study_server.object_storage.mirror import publish_to
from study_server.settings import Settings
from study_server.stimuli.importing import import_study
from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import StudyState
from tests.buckets import BUCKET, lead_to_storage, run_storage
from tests.conftest import SECRET, short_protocol
from tests.databases import open_prepared


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """Run a storage and yield its address."""
    with run_storage() as address:
        yield address


@pytest.fixture
def url(storage: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty prefix of the bucket."""
    lead_to_storage(monkeypatch, storage)
    return f"s3://{BUCKET}/{secrets.token_hex(8)}"


@pytest.fixture
def bucket(url: str) -> Bucket:
    return Bucket(url)


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    engine = open_prepared(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path, url: str) -> Settings:
    """Return the settings of a server whose folder is empty."""
    return Settings(
        database_url=sqlite_url, instance_folder=tmp_path / "here", secret_key=SECRET,
        stimuli_url=url,
    )  # fmt: skip


@pytest.fixture
def elsewhere(sqlite: Engine, bucket: Bucket, manifest: Path, tmp_path: Path) -> Path:
    """Import the short study on another server and open it; return that server's folder."""
    folder = tmp_path / "elsewhere" / "stimuli"
    import_study(sqlite, short_protocol(), manifest, folder, publish=publish_to(bucket))
    with write_transaction(sqlite) as db:
        find_study(db, "short").state = StudyState.OPEN
    return folder
