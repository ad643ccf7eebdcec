"""The output that a page shows is what the command prints."""

import re
import shlex
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from analysis.power import power_command

PAGE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^( *)```\n( *\$ python -m analysis\.power .*?)```", PAGE, re.M | re.S)


PROTOCOL = """\
task = "real_or_fake"
methods = ["l2", "mcl", "zhang2016"]
assignment = "within"
presentation = "sequential"
trials = 30
"""


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the protocol and the manifest that an example reads."""
    (tmp_path / "study.toml").write_text(PROTOCOL)
    (tmp_path / "outputs").mkdir()
    rows = [f"i{image},{method},file" for image in range(120) for method in ("l2", "mcl")]
    manifest = tmp_path / "outputs" / "manifest.csv"
    manifest.write_text("\n".join(["image,method,file", *rows, ""]))
    monkeypatch.chdir(tmp_path)


def test_there_are_four_examples() -> None:
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("block", [dedent(text) for _, text in BLOCKS])
def test_an_example_of_power_shows_what_it_prints(block: str) -> None:
    command, *shown = block.rstrip().splitlines()
    done = CliRunner().invoke(power_command, shlex.split(command)[4:], catch_exceptions=False)
    printed = done.output.rstrip().splitlines()
    assert printed[: len(shown)] == shown, (
        f"paste what `{command[2:]}` prints into docs/planning.md"
    )
