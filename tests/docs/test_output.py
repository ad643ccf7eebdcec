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


def test_there_are_three_examples() -> None:
    assert len(BLOCKS) == 3


@pytest.mark.parametrize("block", [dedent(text) for _, text in BLOCKS])
def test_an_example_of_power_shows_what_it_prints(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command, *shown = block.rstrip().splitlines()
    done = CliRunner().invoke(power_command, shlex.split(command)[4:], catch_exceptions=False)
    printed = done.output.rstrip().splitlines()
    assert printed[: len(shown)] == shown, (
        f"paste what `{command[2:]}` prints into docs/planning.md"
    )
