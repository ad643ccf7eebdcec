"""The tutorial: its pictures exist, and its commands run as they are typed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.photographs import write_fakes, write_photographs
from tests.ports import free_port

pytestmark = pytest.mark.slow(60)

PAGE = Path(__file__).parents[2] / "docs" / "first-study.md"
TEXT = PAGE.read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[[^]]+\]\(first-study/([a-z-]+\.png)\)", TEXT)
MAX_BYTES = 100_000
# What the page leaves to the reader: the texts.
FILL_IN = "find wording -name '*.md' -exec sed -i 's/\\[\\.\\.\\.[^]]*\\]/filled in/g' {} +"
WAIT = """
for _ in $(seq 300); do
  python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:PORT/healthz')" \
    2> /dev/null && break
  sleep 0.1
done
"""


def test_every_picture_exists_and_is_small() -> None:
    folder = PAGE.with_name("first-study")
    assert sorted(PICTURES) == sorted(file.name for file in folder.iterdir())
    assert len(PICTURES) <= 10
    for name in PICTURES:
        assert (folder / name).stat().st_size < MAX_BYTES, name


@pytest.mark.skipif(sys.platform == "win32", reason="the commands need a POSIX shell")
def test_every_command_runs_as_it_is_typed(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos")
    write_fakes(tmp_path / "photos", tmp_path / "fakes")
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()
    ]
    assert len(lines) == 14
    port, script = free_port(), ["set -euo pipefail"]
    for line in lines:
        if line.startswith("study quick"):
            script += [
                f"{line} --port {port} & server=$!",
                WAIT.replace("PORT", str(port)),
                FILL_IN,
            ]
        else:
            script.append(line)
    script += ["kill -INT $server", "wait $server || true"]
    environment = {name: value for name, value in os.environ.items() if "STUDY_" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert (tmp_path / "responses.csv").exists()
    assert (tmp_path / "instance/reports/pale-colors/simulated/report.html").exists()
    assert '"planned": 20' in done.stdout
