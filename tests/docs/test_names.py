"""The documentation names files and folders that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
FOLDERS = "analysis|benchmarks|colorizer|demo|docs|static|study_server|templates|tests"
TO_BE_MADE = {
    "study_server/wording/fr", "docs/openapi.json",
    "study_server/tasks/odd_one_out.py", "static/player/tasks/odd_one_out.js",
    "analysis/tasks/odd_one_out.py",
}  # fmt: skip


def list_paths(text: str) -> Iterator[str]:
    """Yield the project's paths in backquotes, without the test after `::`."""
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)[`:]", text):
        if not re.search("[A-Z]{4}", path) or path.endswith("README.md"):  # LANGUAGE, SLUG
            yield path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_and_folders_that_a_page_names_exist(page: Path) -> None:
    paths = set(list_paths(page.read_text(encoding="utf-8"))) - TO_BE_MADE
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_there_are_paths_to_look_for() -> None:
    assert len({path for page in PAGES for path in list_paths(page.read_text("utf-8"))}) > 40
