"""Find the project's commands beside the Python that runs."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def find_program(words: Sequence[str]) -> list[str]:
    """`["study", "new"]` -> the command line; raises FileNotFoundError if it is not installed."""
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    program = shutil.which(words[0], path=str(Path(sys.executable).parent))
    if program is None:
        raise FileNotFoundError(f"{words[0]} is not installed beside {sys.executable}")
    return [program, *words[1:]]
