"""`study stimuli` imports a zip, a folder or a manifest into a draft."""

from pathlib import Path

import pytest

from study_server.creation.drafts import create_draft
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.schema import ensure_current_schema
from study_server.studies.action_log import list_actions
from tests.commands import call
from tests.conftest import write_stimuli
from tests.study_server.creation.zips import read_names, write_zip


@pytest.fixture
def url(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the database of the commands, which has a draft without stimuli."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDY_DATABASE_URL", sqlite_url)
    engine = open_engine(sqlite_url)
    ensure_current_schema(engine)
    with write_transaction(engine) as db:
        create_draft(db, "faces", "", "within", ["en"])
    engine.dispose()
    return sqlite_url


@pytest.mark.slow(0.5)
def test_a_zip_a_folder_and_a_manifest_are_imported_after_a_question(
    url: str, tmp_path: Path
) -> None:
    names = read_names(tmp_path / "images", 12)
    archive = write_zip(tmp_path / "faces.zip", names)
    first = call("study", "stimuli", "faces", archive)
    assert first.stdout.startswith("faces: 36 stimuli of 12 images are stored; method l2."), first
    (tmp_path / "images" / "manifest.csv").unlink()
    kept = call("study", "stimuli", "faces", tmp_path / "images")
    assert "nobody answered, so nothing was changed" in kept.stderr
    assert "Replace the stimuli of faces (36 stimuli)?" in kept.stderr
    assert call("study", "stimuli", "faces", tmp_path / "images", "--yes").returncode == 0
    manifest = write_stimuli(tmp_path / "outputs", 12)
    third = call("study", "stimuli", "faces", manifest, "--yes")
    assert "48 stimuli of 12 images are stored; methods l2, mcl." in third.stdout
    engine = open_engine(url)
    with write_transaction(engine) as db:
        assert [one.action for one in list_actions(db)] == ["imported stimuli"] * 3
    engine.dispose()


def test_findings_are_printed_and_accepted_by_kind(url: str, tmp_path: Path) -> None:
    names = read_names(tmp_path / "images", 12, ("real", "gan"))
    names["real/photo-001.png"] = names["real/photo-000.png"]
    archive = write_zip(tmp_path / "faces.zip", names)
    refused = call("study", "stimuli", "faces", archive)
    assert refused.returncode == 2
    assert "warning: duplicate: photo-000 and photo-001 are the same photograph" in refused.stderr
    assert "warning: lightness: gan of photo-001 differs in lightness" in refused.stderr
    why = ("--accept", "duplicate", "twins", "--accept", "lightness", "--on purpose")
    assert call("study", "stimuli", "faces", archive, *why).returncode == 0


@pytest.mark.parametrize(
    ("slug", "source", "message"),
    [
        ("nobody", "faces.zip", "no study 'nobody'"),
        ("faces", "nowhere.zip", "nowhere.zip: no such file; name a zip, a folder or a manifest"),
        ("faces", "nowhere.csv", "nowhere.csv: no such file"),
    ],
)
def test_a_mistake_is_one_line(slug: str, source: str, message: str, url: str) -> None:
    refused = call("study", "stimuli", slug, source)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert message in refused.stderr
