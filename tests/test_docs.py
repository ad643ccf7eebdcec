"""Tests that the documentation agrees with the code."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from benchmarks import __main__ as bench
from colorizer.color import bins, spaces
from colorizer.color.bins import BIN_ROWS
from colorizer.networks import models
from colorizer.training import losses, photo_cache, prior
from study_server.cli import commands
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from tests.study_server.api_operations import list_operations

DOCS = Path(__file__).parent.parent / "docs"


def load_writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_cli", DOCS / "write_cli.py")
    assert spec is not None
    assert spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer


def test_the_page_of_commands_is_up_to_date() -> None:
    is_current = (DOCS / "cli.md").read_text(encoding="utf-8") == load_writer().render()
    assert is_current, "run .venv/bin/python docs/write_cli.py"


def iterate_options(name: str, command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """Yield each option of a command and its subcommands, with the name of its command."""
    yield from ((name, option) for option in command.params if isinstance(option, click.Option))
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from iterate_options(f"{name} {word}", below)


def test_every_option_has_a_help_text() -> None:
    options = [
        pair
        for name, command in load_writer().COMMANDS.items()
        for pair in iterate_options(name, command)
    ]
    assert len(options) > 60
    assert [(name, option.opts) for name, option in options if not option.help] == []


def test_the_page_of_the_api_names_every_address() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    for method, path in list_operations():
        for name, example in (
            ("slug", "SLUG"), ("trial_token", "TRIAL"), ("number", "0"), ("slot", "0"),
        ):  # fmt: skip
            path = path.replace(f"{{{name}}}", example)
        assert f"`{method.upper()} {path}`" in page


def test_the_walk_through_uses_existing_commands_and_options() -> None:
    page = (DOCS / "running-a-study.md").read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    typed = re.findall(r"^study ([a-z]+)(.*?)(?: {2,}#.*)?$", "\n".join(blocks), re.M)
    assert len(typed) > 15
    for word, arguments in typed:
        command = commands.get_command(click.Context(commands), word)
        assert command, word
        known = {name for parameter in command.params for name in parameter.opts}
        if not isinstance(command, click.Group):
            assert set(re.findall(r"--[a-z-]+", arguments)) <= known, word


def test_the_table_of_presets_matches_the_code() -> None:
    lines = (DOCS / "protocols.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    documented = {row[0].strip("`"): row[2:] for row in rows[2:] if len(row) == len(rows[0])}
    assert documented == {preset: describe(create_protocol("s", preset)) for preset in PRESETS}


def describe(protocol: Protocol) -> list[str]:
    """Return the protocol's row of the table."""
    ways = {"sequential": "pair, one after the other", "simultaneous": "pair, both at once"}
    *others, last = [f"{ms} ms" if ms else "until the answer" for ms in protocol.exposures_ms]
    each = " each" if protocol.presentation == "sequential" else ""
    shown = f"{', '.join(others)} or {last}" if others else f"{last}{each}"
    if protocol.staircase:
        shown = f"staircase from {protocol.staircase.start_ms} ms"
    several = f"{protocol.candidate_count} images at once"
    way = ways.get(protocol.presentation, "one image")
    numbers = protocol.qualification, protocol.practice, protocol.trials, protocol.attention_checks
    return [
        f"{several if protocol.candidate_count > 2 else way}, {shown}",
        protocol.question if protocol.task == "real_or_fake" else protocol.task,
        *map(str, numbers),
        {"between": "one", "within": "all"}[protocol.assignment],
    ]


def test_the_page_on_colors_lists_the_bins_of_the_code() -> None:
    page = (DOCS / "colorization.md").read_text(encoding="utf-8")
    numbers = re.findall(r"(?<=\| )-?\d+ \| -?\d+ \| -?\d+(?= \|)", page)
    rows = [tuple(map(int, row.split(" | "))) for row in numbers]
    assert sorted(rows) == [(a, low, high) for a, (low, high) in BIN_ROWS.items()]


def test_the_page_on_colors_names_functions_that_exist() -> None:
    page = (DOCS / "colorization.md").read_text(encoding="utf-8")
    modules = {
        "bins": bins, "losses": losses, "models": models,
        "photo_cache": photo_cache, "prior": prior, "spaces": spaces,
    }  # fmt: skip
    named = set(re.findall(rf"`({'|'.join(modules)})\.([a-z0-9_]+)`", page))
    assert len(named) >= 10
    for module, function in named:
        assert callable(getattr(modules[module], function))


def test_every_benchmark_has_its_section_with_its_command() -> None:
    sections = bench.read_sections((DOCS / "benchmarks.md").read_text(encoding="utf-8"))
    assert list(sections) == [bench.read_docstring(name)[0] for name in bench.BENCHMARK_NAMES]
    for name, section in zip(bench.BENCHMARK_NAMES, sections.values(), strict=True):
        assert f"`python -m benchmarks.{name}`, 20" in section
        assert section.count("```") == 2
