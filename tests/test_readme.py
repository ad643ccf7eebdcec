"""Every line of the README's study, typed in order as a newcomer would."""

import hashlib
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.photographs import write_photographs
from tests.ports import free_port

pytestmark = [
    pytest.mark.slow(90),
    pytest.mark.skipif(sys.platform == "win32", reason="the README's commands need a POSIX shell"),
]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A clone has no environment of its own here: installing one takes minutes and is `make test`'s job.
SUBSTITUTES = {
    "git clone ADDRESS hue-and-eye": f"git clone --quiet {ROOT} hue-and-eye",
    "make install": f"ln -s {sys.prefix} .venv",
}
# What the README leaves to the reader: a protocol for 20 photographs, and the texts.
EDIT = r"""
import pathlib, re
protocol = pathlib.Path("study.toml")
text = protocol.read_text()
for key, count in {"practice": 2, "trials": 10, "attention_checks": 2}.items():
    text, found = re.subn(rf"(?m)^{key} = \d+", f"{key} = {count}", text)
    assert found == 1, key
protocol.write_text(text)
for file in pathlib.Path("wording").rglob("*.md"):
    file.write_text(re.sub(r"\[\.\.\.[^]]*\]", "filled in", file.read_text()))
"""
VISIT = r"""
import sys, time, urllib.error, urllib.request
for _ in range(300):
    try:
        page = urllib.request.urlopen(sys.argv[1]).read().decode()
        break
    except urllib.error.URLError:
        time.sleep(0.1)
assert "consent" in page
"""


def read_blocks() -> list[list[str]]:
    """Return the command lines of each shell block in the README's section on a study."""
    section = README.split("## A study of your own")[1].split("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def write_script(port: int) -> str:
    """Return the README's lines as one script that stops at the first failure.

    The server is started by its line, visited and stopped, as the README's reader would.
    """
    lines = ["set -euo pipefail"]
    for number, block in enumerate(read_blocks()):
        if number == 1:
            lines.append(f"python -c '{EDIT}'")
        for line in block:
            command = line.split(" #")[0].rstrip()
            if command.endswith("study serve"):
                lines += [
                    f"{command} --port {port} & server=$!",
                    f"python -c '{VISIT}' http://127.0.0.1:{port}/s/mine",
                    "kill -TERM $server",
                    "wait $server || true",
                ]
            else:
                lines += [f"echo '+ {command}'", SUBSTITUTES.get(command, command)]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's folder after every line of the README has run."""
    home = tmp_path_factory.mktemp("home")
    write_photographs(home / "photographs")
    environment = {name: value for name, value in os.environ.items() if "STUDY_" not in name}
    done = subprocess.run(
        ["bash", "-c", write_script(free_port())],
        cwd=home,
        env=environment | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return home / "my-study"


def test_every_line_of_the_study_runs_in_order(typed: Path) -> None:
    assert sum(map(len, read_blocks())) == 18
    assert (typed / "report" / "report.html").exists()


def test_the_rehearsal_reports_the_simulated_participants(typed: Path) -> None:
    report = json.loads((typed / "rehearsal" / "report" / "report.json").read_text())
    assert report["input"]["mode"] == "simulated"
    assert report["input"]["participants"] == 20


def test_the_report_finds_the_design_and_the_images_by_itself(typed: Path) -> None:
    report = json.loads((typed / "report" / "report.json").read_text())
    design = (typed / "design.json").read_text()
    assert report["design"]["sha256"] == hashlib.sha256(design.encode()).hexdigest()
    assert report["design"]["verdict"] == "match"
    page = unescape((typed / "report" / "report.html").read_text())
    assert "The study matches its frozen design" in page
    assert page.count('src="data:image/') >= 4
