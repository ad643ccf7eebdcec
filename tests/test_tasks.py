"""Tests of the seam of tasks: only a task's own modules know its name."""

import re
from pathlib import Path

import pytest

from analysis.tasks.catalog import JUDGED_TASKS, TASKS_WITH_TRUTH
from study_server.tasks.catalog import TASKS

ROOT = Path(__file__).parents[1]
FOLDERS = ("analysis", "benchmarks", "colorizer", "demo", "static", "study_server", "templates")
SUFFIXES = {".css", ".html", ".j2", ".js", ".md", ".po", ".py", ".toml"}
PRESETS = "study_server/protocol/presets.py"  # presets are studies, which choose a task
TEXTS = "study_server/wording/"  # the default texts have lines for each task
# These names are English words, too; only comparisons with them are a task's name for sure.
WORDS = {"preference", "ranking", "rating"}
COMPARISON = r"(?:[=!]=+|\bin|\bcase)\s*[\[({]*\s*(?:[\"'][a-z_]+[\"'],\s*)*[\"']%s[\"']"


def files_outside_task_modules() -> dict[str, str]:
    paths = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    named = {path.relative_to(ROOT).as_posix(): path for path in paths if path.suffix in SUFFIXES}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in named.items()
        if "/tasks/" not in name and name != PRESETS and not name.startswith(TEXTS)
    }


@pytest.mark.parametrize("task", TASKS)
def test_only_its_own_modules_name_a_task(task: str) -> None:
    pattern = re.compile(COMPARISON % task if task in WORDS else rf"\b{task}\b")
    found = [name for name, text in files_outside_task_modules().items() if pattern.search(text)]
    assert found == []


@pytest.mark.parametrize(
    "line", ['task == "ranking"', "task in ('rating', 'ranking')", "case 'ranking'"]
)
def test_a_comparison_with_the_name_of_a_task_is_found(line: str) -> None:
    assert re.search(COMPARISON % "ranking", line)


def test_a_report_describes_every_task() -> None:
    assert {*JUDGED_TASKS, *TASKS_WITH_TRUTH} == set(TASKS)
