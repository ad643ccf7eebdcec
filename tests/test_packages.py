"""Tests of the architecture: packages exchange files, not imports; imports have no cycles."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

import analysis

ROOT = Path(__file__).parents[1]
EXTRAS = {
    "colorizer": ["colorizer", "heif", "onnx", "perceptual", "ray", "s3"],
    "study_server": ["server", "metrics", "mturk", "parquet", "s3"],
    "analysis": ["analysis", "duckdb"],
}
PACKAGES = sorted(EXTRAS)
OUTSIDE = {"demo", "tests", "benchmarks"}

# Libraries that a package must not need, even if they are installed.
FORBIDDEN = {
    "colorizer": ["flask", "sqlalchemy", "alembic", "granian", "pydantic"],
    "study_server": ["torch", "torchvision", "safetensors", "matplotlib", "scipy", "boto3"],
    "analysis": ["flask", "torch", "torchvision", "safetensors", "alembic", "granian"],
}
# Functions that write into a zip in memory, or into a folder that is temporary or is renamed when
# it is complete.
WRITES_BELOW_A_TEMPORARY_NAME = {
    "colorizer.cluster.ray_engine._load_networks",
    "study_server.export.zip_stream.stream_zip",
    "study_server.stimuli.files.store_stimulus",
    "study_server.stimuli.zip_upload._unpack",
    "analysis.publication.software.copy_software",
    "study_server.publication.publishing._write",
    "study_server.publication.stimuli.write_stimuli",
}
MODULE_SUFFIXES = {".py", ".js", ".css", ".html"}
COMMANDS = {"colorizer": "colorizer.cli", "study_server": "study_server.cli"}

FORBID = """
import importlib, runpy, sys

class Forbid:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {forbidden}:
            raise ModuleNotFoundError(f"forbidden: {{name}}", name=name)

sys.meta_path.insert(0, Forbid)
"""


@cache
def package_modules(package: str) -> dict[str, Path]:
    """Return every module of a package by its dotted name."""
    modules = {}
    for file in sorted((ROOT / package).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return modules


@cache
def imports(file: Path) -> tuple[str, ...]:
    """Return the dotted names that a file imports; of `from a import b` always `a.b`."""
    return tuple(iterate_imports(file))


def iterate_imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write the whole name of the module"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imported_libraries(package: str) -> set[str]:
    files = package_modules(package).values()
    return {name.partition(".")[0] for file in files for name in imports(file)}


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_another(package: str) -> None:
    assert imported_libraries(package) & ((set(PACKAGES) | OUTSIDE) - {package}) == set()


def test_the_demo_uses_the_packages_through_their_commands_only() -> None:
    assert imported_libraries("demo") & (set(PACKAGES) | {"tests"}) == set()


def opens_for_writing(node: ast.AST) -> bool:
    """Return True for a call of write_text, write_bytes, or open with a writing mode."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    given = [*node.args, *(word.value for word in node.keywords if word.arg == "mode")]
    modes = [x.value for x in given if isinstance(x, ast.Constant) and isinstance(x.value, str)]
    writes = any(re.fullmatch("[wax][bt+]*", mode) for mode in modes)
    return node.func.attr in {"write_text", "write_bytes"} or (node.func.attr == "open" and writes)


def is_atomic_write(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in {"atomic_write", "publish"}


@pytest.mark.slow(0.6)
@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_is_written_atomically(package: str) -> None:
    writers = set()
    for module, file in package_modules(package).items():
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            inside = list(ast.walk(function))
            if any(map(opens_for_writing, inside)) and not any(map(is_atomic_write, inside)):
                writers.add(f"{module}.{function.name}")
    assert writers == {x for x in WRITES_BELOW_A_TEMPORARY_NAME if x.startswith(f"{package}.")}


def import_graph(package: str) -> dict[str, set[str]]:
    """Map each module of a package to the package's other modules that it imports."""
    modules = package_modules(package)
    graph = {}
    for module, file in modules.items():
        names = [name if name in modules else name.rpartition(".")[0] for name in imports(file)]
        graph[module] = set(names) & set(modules) - {module}
    return graph


@pytest.mark.parametrize("package", [*PACKAGES, "demo"])
def test_imports_between_modules_of_a_package_go_one_way(package: str) -> None:
    TopologicalSorter(import_graph(package)).prepare()  # CycleError names the cycle


def subpackage_of(module: str) -> str:
    """Return `package.subpackage` of a module, or the module itself if it lies beside them."""
    first_two = ".".join(module.split(".")[:2])
    return first_two if (ROOT / first_two.replace(".", "/")).is_dir() else module


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_between_subpackages_go_one_way(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for module, imported in import_graph(package).items():
        source = subpackage_of(module)
        graph.setdefault(source, set()).update(
            {subpackage_of(name) for name in imported} - {source}
        )
    TopologicalSorter(graph).prepare()  # CycleError names the cycle


@pytest.mark.parametrize("folder", [*PACKAGES, "static", "templates", "demo"])
def test_a_folder_has_at_most_14_modules(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*") if file.suffix in MODULE_SUFFIXES]
    counts = Counter(file.parent for file in files if file.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > 14} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_subpackage_has_a_docstring(package: str) -> None:
    for folder in {ROOT / package, *(file.parent for file in (ROOT / package).glob("*/*.py"))}:
        source = (folder / "__init__.py").read_text(encoding="utf-8")
        assert (ast.get_docstring(ast.parse(source)) or "").endswith("."), folder


def declared_distributions(package: str) -> set[str]:
    """Return the distributions of a package's extras, and those that they require in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS[package] for line in project["optional-dependencies"][extra]]
    names = {distribution_name(line) for line in [*project["dependencies"], *extras]}
    return names | {distribution_name(line) for name in names for line in required_by(name)}


def required_by(name: str) -> list[str]:
    return distribution(name).requires or []


def distribution_name(requirement: str) -> str:
    """Return the normalized name: `Flask-WTF[email]>=1.2; extra == "x"` gives flask-wtf."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


@pytest.mark.slow(1)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_its_extra_declares(package: str) -> None:
    libraries = imported_libraries(package) - sys.stdlib_module_names - {package, "_typeshed"}
    sources = packages_distributions()
    for library in libraries:
        assert library in sources, f"{package} imports {library}, which is not installed"
        providers = {distribution_name(name) for name in sources[library]}
        assert providers & declared_distributions(package), (
            f"{package} imports {library}; declare {sorted(providers)}"
        )


def run_without(forbidden: list[str], code: str) -> subprocess.CompletedProcess[str]:
    script = FORBID.format(forbidden=set(forbidden)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)


def test_forbidden_libraries_cannot_be_imported() -> None:
    assert "forbidden: torch" in run_without(["torch"], "import torch").stderr


@pytest.mark.slow(2)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_without_the_other_packages_libraries(package: str) -> None:
    # Alembic runs the migrations itself; outside it they cannot be imported.
    modules = [name for name in package_modules(package) if ".migrations" not in name]
    assert len(modules) > 1
    done = run_without(FORBIDDEN[package], f"for m in {modules!r}: importlib.import_module(m)")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow(2)
@pytest.mark.parametrize("package", sorted(COMMANDS))
def test_a_command_shows_its_help_without_the_other_packages_libraries(package: str) -> None:
    code = f"sys.argv[1:] = ['--help']; import {COMMANDS[package]} as cli; cli.main()"
    done = run_without(FORBIDDEN[package], code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


@pytest.mark.slow(1)
def test_the_report_shows_its_help_without_the_other_packages_libraries() -> None:
    code = "sys.argv[1:] = ['--help']; runpy.run_module('analysis.report', run_name='__main__')"
    done = run_without(FORBIDDEN["analysis"], code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("study_server", "study_server", "server"),
        ("colorizer", "colorizer", "colorizer"),
        ("analysis.report", "analysis", "analysis"),
    ],
)
def test_without_its_libraries_a_command_says_what_to_install(
    module: str, package: str, extra: str
) -> None:
    """Run Python without site-packages (-S), as after `pip install` without an extra."""
    assert extra in EXTRAS[package]
    command = [sys.executable, "-S", "-m", module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    (line,) = done.stderr.splitlines()
    assert done.returncode != 0
    assert f"pip install 'hue-and-eye[{extra}]'" in line


def test_a_command_of_study_without_its_library_says_what_to_install() -> None:
    code = "sys.argv[1:] = ['status']; import study_server.cli as cli; cli.main()"
    done = run_without(["pydantic_settings"], code)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.endswith("run pip install 'hue-and-eye[server]'")


def test_the_analysis_checks_for_the_libraries_of_its_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    checked = {"pillow" if name == "PIL" else name for name in analysis.LIBRARIES}
    declared = {distribution_name(line) for line in project["optional-dependencies"]["analysis"]}
    assert checked == declared - {"psycopg"}  # which only databases need
