"""The examples of the page on Python functions print what the page shows."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"


def test_the_examples_print_what_the_page_shows() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    done = doctest.DocTestRunner().run(examples)
    assert done.attempted > 20
    assert done.failed == 0
