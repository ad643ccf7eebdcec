"""The house: rooms pass each other files, never imports; inside a room arrows go one way."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
EXTRAS = {"colorizer": ["colorizer"], "study_server": ["server", "mturk"], "analysis": ["analysis"]}
ROOMS = sorted(EXTRAS)
OUTSIDE = {"demo", "tests", "benchmarks"}

# what a room must do without, even where somebody has installed it
REFUSED = {
    "colorizer": ["flask", "sqlalchemy", "alembic", "waitress", "pydantic"],
    "study_server": ["torch", "torchvision", "safetensors", "matplotlib", "scipy", "boto3"],
    "analysis": ["flask", "torch", "torchvision", "safetensors", "alembic", "waitress"],
}
COMMANDS = {"colorizer": "colorizer.cli", "study_server": "study_server.cli"}

REFUSE = """
import importlib, runpy, sys

class Refuse:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise ModuleNotFoundError(f"refused: {{name}}", name=name)

sys.meta_path.insert(0, Refuse)
"""


def room_modules(room: str) -> dict[str, Path]:
    """Every module of a room by its dotted name."""
    modules = {}
    for file in sorted((HOUSE / room).rglob("*.py")):
        parts = file.relative_to(HOUSE).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return modules


def imports(file: Path) -> Iterator[str]:
    """What a file imports, wherever in it; `from a import b` gives `a.b`, a module or not."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write the whole name of the module"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imported_packages(room: str) -> set[str]:
    files = room_modules(room).values()
    return {name.partition(".")[0] for file in files for name in imports(file)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_another(room: str) -> None:
    assert imported_packages(room) & ((set(ROOMS) | OUTSIDE) - {room}) == set()


def test_the_demo_uses_the_rooms_by_their_commands_only() -> None:
    assert imported_packages("demo") & (set(ROOMS) | {"tests"}) == set()


def arrows(room: str) -> dict[str, set[str]]:
    """module -> the room's other modules that it imports"""
    modules = room_modules(room)
    graph = {}
    for module, file in modules.items():
        names = [name if name in modules else name.rpartition(".")[0] for name in imports(file)]
        graph[module] = set(names) & set(modules) - {module}
    return graph


@pytest.mark.parametrize("room", [*ROOMS, "demo"])
def test_arrows_inside_a_room_go_one_way(room: str) -> None:
    TopologicalSorter(arrows(room)).prepare()  # a circle raises CycleError and is named in it


def declared(room: str) -> set[str]:
    """The distributions of a room's extras, and what they in turn require."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS[room] for line in project["optional-dependencies"][extra]]
    names = {distribution_name(line) for line in [*project["dependencies"], *extras]}
    return names | {distribution_name(line) for name in names for line in required_by(name)}


def required_by(name: str) -> list[str]:
    return distribution(name).requires or []


def distribution_name(requirement: str) -> str:
    """`Flask-WTF[email]>=1.2; extra == "x"` -> flask-wtf"""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_extra_declares(room: str) -> None:
    packages = imported_packages(room) - sys.stdlib_module_names - {room}
    sources = packages_distributions()
    for package in packages:
        assert package in sources, f"{room} imports {package}, which is not installed"
        found = {distribution_name(name) for name in sources[package]}
        assert found & declared(room), f"{room} imports {package}; declare {sorted(found)}"


def run_without(refused: list[str], code: str) -> subprocess.CompletedProcess[str]:
    script = REFUSE.format(refused=set(refused)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=HOUSE)


def test_the_refusal_works() -> None:
    assert "refused: torch" in run_without(["torch"], "import torch").stderr


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_works_without_the_others_libraries(room: str) -> None:
    # Alembic runs the migrations itself; outside it they cannot be imported.
    modules = [name for name in room_modules(room) if ".migrations" not in name]
    assert len(modules) > 1
    done = run_without(REFUSED[room], f"for m in {modules!r}: importlib.import_module(m)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", sorted(COMMANDS))
def test_a_command_shows_its_help_without_the_others_libraries(room: str) -> None:
    code = f"sys.argv[1:] = ['--help']; import {COMMANDS[room]} as cli; cli.main()"
    done = run_without(REFUSED[room], code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


def test_the_report_shows_its_help_without_the_others_libraries() -> None:
    code = "sys.argv[1:] = ['--help']; runpy.run_module('analysis.report', run_name='__main__')"
    done = run_without(REFUSED["analysis"], code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")
