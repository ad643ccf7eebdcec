"""Tests that the tables of docs/security.md and docs/reliability.md name existing tests."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def list_tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in functions if name.startswith("test_")}


def named(page: str) -> set[tuple[str, str]]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))


@pytest.mark.parametrize(
    ("page", "folder"), [("security.md", "attacks"), ("reliability.md", "faults")]
)
def test_tests_and_table_rows_correspond(page: str, folder: str) -> None:
    for file, name in named(page):
        assert name in list_tests(ROOT / file), f"{page}: {file}::{name}"
    here = {
        (f"tests/{folder}/{file.name}", name)
        for file in (ROOT / "tests" / folder).glob("test_*.py")
        for name in list_tests(file)
        if file.name != Path(__file__).name
    }
    assert here - named(page) == set()
