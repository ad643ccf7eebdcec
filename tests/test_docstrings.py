"""Docstrings open with a sentence, not with a fragment such as "What a ..." or "Of the ..."."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("analysis", "benchmarks", "colorizer", "demo", "docs", "study_server", "tests")
FRAGMENT = re.compile(
    r"(What|Who|Whom|Whose|Whoever|Whatever|Of|Whether|Where|How|Which|When|As|By|From|In|With|For"
    r"|At|To|On|Over|Under|Beside|Between|Only|Nothing|Nobody|Somebody|Everybody|Because|So|And|But"
    r"|That|Those|These|Until|Than|Without|Within|After|Before)\b"
)


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every docstring in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


@pytest.mark.slow(1)
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_as_a_fragment(folder: str) -> None:
    fragments = [
        f"{file.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in docstrings(file)
        if FRAGMENT.match(text)
    ]
    assert fragments == []


@pytest.mark.parametrize("text", ["What is frozen.", "Of one method's trials.", "How many people."])
def test_fragments_are_recognized(text: str) -> None:
    assert FRAGMENT.match(text)
    assert not FRAGMENT.match("Return what is frozen.")
