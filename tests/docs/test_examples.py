"""The worked examples: their commands run as they are typed, and their pages are filled."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from analysis.convert import convert
from analysis.report import report
from colorizer.stimuli.decoding import DECODINGS
from tests.analysis.shell import run_here
from tests.commands import run
from tests.conftest import SECRET, write_stimuli
from tests.docs.scripts import load_script

pytestmark = [
    pytest.mark.slow(40),
    pytest.mark.skipif(sys.platform == "win32", reason="the commands need a POSIX shell"),
]

maker = load_script("examples/make_examples")
REPORTS = {"real-or-fake": "two", "preference": "four", "rating": "ratings"}
PEOPLE = 4
IMAGES, SIDE = 36, 16
MAX_BYTES = 100_000
COMMANDS: dict[str, click.Command] = {"analysis.convert": convert, "analysis.report": report}


def read_page(name: str) -> str:
    return str((maker.HERE / f"{name}.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in which the commands of all pages have been typed."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(maker.VOTES, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("STUDY_SECRET_KEY", SECRET)
        for page in maker.PAGES:
            for line in maker.read_commands(page):
                type_line(line)
        yield folder


def type_line(line: str) -> None:
    """Run a command of a page: with few participants, and with images that take no time."""
    words = shlex.split(line)
    if words[:2] == ["colorizer", "batch"]:
        methods = words[words.index("--methods") + 1].split(",")
        assert set(methods) - {"real", "foil"} <= set(DECODINGS)
        write_stimuli(Path("outputs"), IMAGES, SIDE, methods)
    elif words[:2] == ["study", "simulate"]:
        assert int(words[3]) >= 30
        run("study", "simulate", words[2], PEOPLE, *words[4:])
    elif words[0] == "study":
        run(*words)
    elif words[:2] == ["python", "-m"]:
        done = run_here(COMMANDS[words[2]], *words[3:])
        assert done.returncode == 0, done.stderr
    elif words[0] != "export":
        fewer = line.replace("participants = 60", f"participants = {PEOPLE}")  # of the plan
        subprocess.run(["bash", "-euc", fewer], check=True)


def test_every_command_runs_and_every_figure_is_drawn(folder: Path) -> None:
    figures = [one for page in maker.PAGES for one in maker.list_figures(read_page(page))]
    assert len(figures) >= 9
    for name, figure in figures:
        assert (folder / name / "report" / "figures" / f"{figure}.svg").is_file(), figure


@pytest.mark.parametrize("page", REPORTS)
def test_the_reports_are_on_simulated_participants(page: str, folder: Path) -> None:
    numbers = json.loads((folder / REPORTS[page] / "report" / "report.json").read_text())
    assert (numbers["input"]["mode"], numbers["input"]["participants"]) == ("simulated", PEOPLE)
    assert "**The answers on this page are simulated.**" in " ".join(read_page(page).split())


def test_the_study_with_a_plan_matches_its_design(folder: Path) -> None:
    numbers = json.loads((folder / "two" / "report" / "report.json").read_text())
    assert numbers["design"]["verdict"] == "match"


def test_the_pages_show_what_their_reports_print() -> None:
    for page in maker.PAGES[1:]:
        text = read_page(page)
        ((name, printed),) = re.findall(r"<!-- (\w+) -->\n\n(- .*?)\n\n<!-- end", text, re.S)
        assert f"analysis.report {name}/" in text
        assert "95% CI" in printed
        assert "/tmp" not in printed
    filled = maker.fill_findings("a\n<!-- x -->\nold\n<!-- end -->\nb", "x", "design: d\nnew\nout")
    assert filled == "a\n<!-- x -->\n\n- new\n\n<!-- end -->\nb"


def test_every_picture_of_the_examples_exists_and_is_small() -> None:
    text = "".join(map(read_page, maker.PAGES))
    pictures = set(re.findall(r"\]\(figures/([^)]+)\)", text))
    files = list((maker.HERE / "figures").iterdir())
    assert pictures == {file.name for file in files}
    assert [file.name for file in files if file.stat().st_size > MAX_BYTES] == []
