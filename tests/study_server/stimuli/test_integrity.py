"""Tests of `study check`: missing, changed and left-over stimulus files are named."""

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from study_server.cli import commands
from study_server.stimuli.files import STALE_AFTER_S
from study_server.storage.engine import read_session
from study_server.storage.models import Stimulus
from tests.conftest import short_protocol
from tests.imported_studies import open_study

RIGHT = "the counters and the stimuli are correct\n"


@pytest.fixture
def stimuli(
    engine: Engine, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Import the short study, and return the folder of all stimuli."""
    monkeypatch.setenv("STUDY_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("STUDY_INSTANCE", str(tmp_path / "instance"))
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    return tmp_path / "instance" / "stimuli"


@pytest.fixture
def files(engine: Engine, stimuli: Path) -> list[Path]:
    """Return the files of the first two stimuli."""
    with read_session(engine) as db:
        names = db.scalars(select(Stimulus.file).order_by(Stimulus.id).limit(2)).all()
    return [stimuli / name for name in names]


def check(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["check", *arguments])


def make_old(path: Path) -> None:
    then = time.time() - STALE_AFTER_S - 60
    os.utime(path, (then, then))


def test_missing_and_changed_files_are_named(files: list[Path]) -> None:
    assert check("short").output == f"short: {RIGHT}"
    missing, changed = files
    missing.unlink()
    content = bytearray(changed.read_bytes())
    content[-20] ^= 1  # of the same size
    changed.write_bytes(content)
    run = check("short", "--repair")
    assert f"{missing} is missing\n" in run.output
    assert f"{changed} has been changed\n" in run.output
    assert str(run.exception) == "2 stimuli are damaged"


def test_files_of_no_study_are_named_and_deleted_after_a_question(
    stimuli: Path, files: list[Path]
) -> None:
    extra_file, extra_folder = files[0].with_name("extra.png"), stimuli / "left-over"
    extra_folder.mkdir()
    for path in (extra_file, extra_folder / "inside.png"):
        path.write_bytes(b"")
    assert check().output == f"all studies: {RIGHT}"  # an import may be running
    make_old(extra_file)
    make_old(extra_folder)
    run = check()
    assert str(run.exception).startswith("2 files belong to no study; ")
    assert f"{extra_folder}: no study of this database uses it\n" in run.output
    assert str(check("--repair").exception).startswith("nobody answered, so nothing was changed")
    assert extra_file.exists()
    assert check("--repair", "--yes").output.endswith(f"all studies: {RIGHT}")
    assert not extra_file.exists()
    assert not extra_folder.exists()
    assert all(file.exists() for file in files)
