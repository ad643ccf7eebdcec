"""The architecture page shows the packages as they are."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.scripts import load_script

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    return load_script("draw_architecture")


def list_subpackages(package: str) -> set[str]:
    return {file.parent.name for file in (ROOT / package).glob("*/__init__.py")}


@pytest.mark.slow(1.1)
def test_the_diagram_is_up_to_date(drawing: ModuleType) -> None:
    remedy = "run `python docs/draw_architecture.py`"
    assert drawing.PAGE.read_text(encoding="utf-8") == drawing.render(), remedy


def test_a_part_is_drawn_above_the_parts_that_it_imports(drawing: ModuleType) -> None:
    graph = {"cli": {"commands", "errors"}, "commands": {"errors"}, "errors": set(), "files": set()}
    assert drawing.sort_into_layers(graph) == [["cli"], ["commands"], ["errors", "files"]]


@pytest.mark.parametrize("package", ["colorizer", "study_server", "analysis"])
def test_the_page_describes_every_subpackage(package: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {package}\n")[1].split("\n## ")[0]
    described = re.findall(r"^\| `([a-z_]+)` \|", section, re.M)
    remedy = f"describe every subpackage of {package} in docs/architecture.md"
    assert sorted(described) == sorted(list_subpackages(package)), remedy
