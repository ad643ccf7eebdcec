"""The page on data collected elsewhere shows what its commands print."""

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from analysis.conversion.column_map import read_built_in
from analysis.convert import convert
from analysis.report import report
from tests.analysis.conversion.conversions import read_rows
from tests.analysis.shell import run_here

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples" / "other-data"
PAGE = (DOCS / "other-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n\$ (.*?)```", PAGE, re.M | re.S)
COMMANDS: dict[str, click.Command] = {"analysis.convert": convert, "analysis.report": report}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the examples, in which the commands run one after the other."""
    copy = tmp_path_factory.mktemp("docs") / "other-data"
    shutil.copytree(EXAMPLES, copy)
    return copy


@pytest.mark.slow(8)
def test_the_page_shows_what_its_commands_print(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert len(BLOCKS) > 10
    for block in BLOCKS:
        command, *shown = block.replace("\\\n", " ").rstrip().splitlines()
        assert run(command) == shown, f"paste what `{command}` prints into docs/other-data.md"
    check_every_map_was_used(folder)


def run(command: str) -> list[str]:
    """Return the lines that a command of the page prints."""
    program, *words = shlex.split(command)
    if program == "head":
        return Path(words[1]).read_text(encoding="cp1252").splitlines()[: int(words[0][1:])]
    done = run_here(COMMANDS[words[1]], *words[2:])
    return (done.stdout + done.stderr).splitlines()


def check_every_map_was_used(folder: Path) -> None:
    """Check that every built-in map has an example, and every example has answers."""
    assert {name for name in read_built_in() if f"--from {name} " in PAGE} == set(read_built_in())
    for example in EXAMPLES.iterdir():
        assert f"convert {example.name} " in PAGE
    assert len(read_rows(folder / "arena" / "responses.csv")) == 96
