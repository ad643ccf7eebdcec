"""The page on adding a task adds one: its code works in a copy of the packages."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import MISSING, find_chromium, required

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-task.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(Create|Change) `([^`]+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)
PACKAGES = ("analysis", "static", "study_server", "templates")
TASK = "odd_one_out"


def change(text: str, diff: str) -> str:
    """Apply the hunks of a diff, which have no line numbers."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(old) == 1, f"the page and the code differ:\n{old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages with the files and lines that the page names."""
    folder = tmp_path_factory.mktemp("project")
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for verb, name, text in BLOCK.findall(PAGE):
        file = folder / name
        assert file.exists() == (verb == "Change"), name
        changed = change(file.read_text(encoding="utf-8"), text) if file.exists() else text
        file.write_text(changed, encoding="utf-8")
    return folder


def run(project: Path, what: str) -> Any:
    """Run a function of tests/docs/new_task.py with the packages of the project."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.new_task", what, TASK],
        cwd=project,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_page_has_a_module_and_a_line_of_a_catalog_in_each_of_three_places() -> None:
    named = {(verb, name) for verb, name, _ in BLOCK.findall(PAGE)}
    for folder, suffix in (
        ("study_server/tasks", "py"), ("static/player/tasks", "js"), ("analysis/tasks", "py"),
    ):  # fmt: skip
        assert {
            ("Create", f"{folder}/{TASK}.{suffix}"),
            ("Change", f"{folder}/catalog.{suffix}"),
        } <= named
    others = {name for _, name in named if "/tasks/" not in name}
    assert {name for name in others if not name.startswith("study_server/wording/")} == {
        "study.toml"
    }
    assert len(BLOCK.findall(PAGE)) == PAGE.count("```") / 2  # none has another form


@pytest.mark.slow(6)
def test_simulated_participants_do_the_new_task_and_the_report_describes_it(project: Path) -> None:
    report = run(project, "rehearse")
    assert report["task"] == TASK
    shares = {name: one["share_odd"] for name, one in report["methods"].items()}
    assert shares.keys() == {"l2", "mcl", "real"}
    assert sum(share["value"] for share in shares.values()) == pytest.approx(1)
    assert {share["trials"] for share in shares.values()} == {2 * 6}
    assert shares["l2"]["value"] > shares["real"]["value"]  # as their strengths say
    assert report["attention_checks"]["answers"] == 2 * 2
    assert len(report["differences"]) == 3


@pytest.mark.browser
@pytest.mark.slow(6)
def test_a_participant_does_the_new_task_in_a_browser(project: Path) -> None:
    if find_chromium() is None:
        pytest.fail(MISSING) if required() else pytest.skip(MISSING)
    played = run(project, "play")
    assert played["question"] == "Which image differs most from the others?"
    assert played["values"] == [[0, 1, 0]] * 8
