"""Tests that imports and command help work without POSIX-only modules."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("analysis", "colorizer", "study_server")

PROGRAM = """
import importlib, os, pkgutil, signal, sys
import ray  # its own copy of psutil imports the modules that this system has
for name in ("fcntl", "grp", "pwd", "resource", "syslog", "termios"):
    sys.modules[name] = None  # importing it raises ImportError, as on Windows
for name in ("fork", "getuid", "geteuid", "killpg", "setsid"):
    delattr(os, name)
for name in ("SIGALRM", "SIGHUP", "SIGKILL"):
    delattr(signal, name)

import click
from click.testing import CliRunner

def check(command, words):
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0, (words, result.exception)
    for name, inner in getattr(command, "commands", {}).items():
        check(inner, [*words, name])

for package in sys.argv[1:]:
    names = [package]
    path = importlib.import_module(package).__path__
    names += [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    for name in names:
        if not name.endswith("__main__") and ".migrations." not in name:
            module = importlib.import_module(name)
            for value in vars(module).values():
                if isinstance(value, click.Command):
                    check(value, [name])
    print(package, len(names))
"""


@pytest.mark.slow(4)
def test_every_module_imports_and_every_command_has_help_without_posix_modules() -> None:
    command = [sys.executable, "-c", PROGRAM, *PACKAGES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = dict(line.split() for line in done.stdout.splitlines())
    assert set(counts) == set(PACKAGES)
    assert all(int(count) > 30 for count in counts.values()), counts
