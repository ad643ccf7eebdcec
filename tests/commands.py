"""Run the project's commands in this process: a new process takes seconds to import them."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO

import pytest

PROGRAMS = {"colorizer": "colorizer.cli", "study": "study_server.cli"}


@dataclass(frozen=True)
class Run:
    """A finished command."""

    returncode: int
    stdout: str
    stderr: str


def call(program: str, *arguments: object, typed: str = "") -> Run:
    """Run `colorizer` or `study` as a shell does. typed: what the researcher types when asked."""
    main = import_module(PROGRAMS[program]).main
    out, err, code = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", [program, *map(str, arguments)])
        patch.setattr(sys, "stdin", StringIO(typed))
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


def run(program: str, *arguments: object) -> str:
    """Run `colorizer` or `study`, which must succeed, and return its standard output."""
    done = call(program, *arguments)
    assert done.returncode == 0, f"{program} {arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout
