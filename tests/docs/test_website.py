"""The documentation builds as a website."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def build(target: Path, source: Path = DOCS) -> subprocess.CompletedProcess[str]:
    """Build as `make docs` does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"python -m sphinx (.*) docs build/docs\n", makefile)
    command = [sys.executable, "-m", "sphinx", *options.split(), str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.slow(15)
def test_every_page_builds_without_a_warning_and_is_in_a_table_of_contents(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")]
    assert len(pages) > 20
    for page in pages:
        assert (tmp_path / page).is_file()
        assert page.name == "index.html" or f'href="{page.as_posix()}"' in index


@pytest.mark.slow(5)
def test_a_dead_link_fails_the_build(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_bytes((DOCS / "conf.py").read_bytes())
    (source / "index.md").write_text("# Title\n\n[Nothing](nothing.md)\n", encoding="utf-8")
    done = build(tmp_path / "built", source)
    assert done.returncode != 0
    assert "nothing.md" in done.stderr
