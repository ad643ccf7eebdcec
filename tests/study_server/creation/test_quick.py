"""`study quick` makes a study from folders of images, serves it and opens a preview."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from study_server.commands.drafts.quick import find_port
from study_server.protocol.presets import PRESETS_BY_TASK
from study_server.tasks.catalog import TASKS
from tests.commands import call
from tests.conftest import write_stimuli
from tests.ports import free_port

pytestmark = pytest.mark.slow(30)

FOLDERS = ("--real", "photos", "--method", "gan=fakes")
NOTE_LINK = "import pathlib, sys; pathlib.Path('opened').write_text(sys.argv[1])"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has 20 photographs and their fakes."""
    write_stimuli(tmp_path / "stimuli", 20, methods=("real", "gan"))
    (tmp_path / "stimuli" / "real").rename(tmp_path / "photos")
    (tmp_path / "stimuli" / "gan").rename(tmp_path / "fakes")
    shutil.rmtree(tmp_path / "stimuli")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDY_SECRET_KEY", "")  # as if it were not set; the command sets it
    return tmp_path


@contextmanager
def quick(*arguments: str) -> Iterator[dict[str, str]]:
    """Run `study quick` until the end of the block; yield the lines that it printed, by label."""
    port = ("--port", str(free_port()))
    command = [sys.executable, "-m", "study_server", "quick", *arguments, *port]
    browser = f'{sys.executable} -c "{NOTE_LINK}" %s'
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"BROWSER": browser}
    ) as process:
        assert process.stdout is not None
        lines: dict[str, str] = {}
        try:
            for line in process.stdout:
                label, _, text = line.strip().partition(": ")
                lines[label] = text.strip()
                if line.startswith("Ctrl-C"):
                    break
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def read(link: str) -> str:
    """Return the page behind a link as soon as the server answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(link) as reply:
                return str(reply.read().decode())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise TimeoutError(link)


def study(*arguments: object) -> str:
    done = call("study", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill_in(wording: Path) -> None:
    for text in wording.rglob("*.md"):
        content = text.read_text(encoding="utf-8")
        text.write_text(re.sub(r"\[\.\.\.[^]]*\]", "Ada", content), encoding="utf-8")


def test_two_folders_become_a_study_that_is_served_and_opened_in_a_browser(here: Path) -> None:
    with quick(*FOLDERS) as lines:
        assert lines["gan"].startswith("40 stimuli of 20 images; 16 trials per participant")
        assert "Which image is the fake?" in read(lines["preview"])
        assert "one-time sign-in link" in read(lines["researcher"].split()[0])
        for _ in range(100):
            if (here / "opened").exists():
                break
            time.sleep(0.1)
        assert (here / "opened").read_text() == lines["preview"]
    assert (here / "instance" / "secret").stat().st_mode & 0o777 == 0o600


def test_the_study_can_be_edited_and_frozen_like_any_other(here: Path) -> None:
    with quick(*FOLDERS, "--slug", "faces", "--no-browser") as lines:
        assert lines["note"]
    assert not (here / "opened").exists()
    refused = call("study", "freeze", "faces")
    assert "has texts to fill in" in refused.stderr
    fill_in(here / "wording")
    study("reword", "study.toml")
    study("simulate", "faces", 1, "--rates", "gan=0.3")
    assert "design.json: SHA-256" in study("freeze", "faces")
    study("open", "faces")


@pytest.mark.parametrize("task", [task for task in PRESETS_BY_TASK if task != "real_or_fake"])
def test_every_task_can_be_asked(task: str, here: Path) -> None:
    assert PRESETS_BY_TASK.keys() == TASKS.keys()
    folders = (*FOLDERS, "--method", "l2=more") if task in ("ranking", "best_worst") else FOLDERS
    write_stimuli(here / "again", 20, methods=("real", "gan", "l2"))
    (here / "again" / "l2").rename(here / "more")
    with quick(*folders, "--task", task, "--slug", "asked", "--no-browser") as lines:
        assert "asked" in lines, lines
    methods = "gan=0.4,l2=0" if "l2=more" in folders else "gan=0.4"
    study("simulate", "asked", 1, "--strengths", methods)


def test_warnings_are_printed_and_have_to_be_accepted(here: Path) -> None:
    shutil.copy(here / "photos" / "photo-000.png", here / "photos" / "photo-001.png")
    refused = call("study", "quick", *FOLDERS, "--no-browser")
    assert refused.returncode == 2
    assert "warning: duplicate: photo-000 and photo-001 are the same photograph" in refused.stderr
    assert not (here / "study.toml").exists()
    assert not (here / "wording").exists()
    with quick(*FOLDERS, "--accept", "--no-browser") as lines:
        assert "gan" in lines
    assert (here / "study.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--real", "nowhere", "--method", "gan=fakes"), "no such folder"),
        (("--real", "photos", "--method", "real=fakes"), "named twice"),
        (("--real", "photos", "--method", "foil=fakes"), "there is no method to study"),
        ((*FOLDERS, "--slug", "Not this"), "slug"),
    ],
)
def test_a_mistake_is_one_line_and_writes_no_study(
    arguments: tuple[str, ...], message: str, here: Path
) -> None:
    refused = call("study", "quick", *arguments, "--no-browser")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert message in refused.stderr
    assert not (here / "study.toml").exists()


def test_an_existing_protocol_is_not_overwritten(here: Path) -> None:
    (here / "study.toml").write_text("mine")
    refused = call("study", "quick", *FOLDERS, "--no-browser")
    assert "study.toml already exists; use another --out" in refused.stderr
    assert (here / "study.toml").read_text() == "mine"


def test_without_a_port_the_default_one_or_a_free_one_is_used() -> None:
    chosen = find_port(None)
    with socket.create_server(("127.0.0.1", chosen)):
        assert find_port(None) != chosen


def test_a_port_in_use_is_named_before_anything_is_made(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = call("study", "quick", *FOLDERS, "--no-browser", "--port", port)
    assert f"port {port} is in use; use another --port" in refused.stderr
    assert not (here / "study.toml").exists()
