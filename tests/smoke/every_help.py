"""Run `--help` of every command as a user does: `python -m tests.smoke.every_help`."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from tests.smoke.programs import find_program

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))


def list_commands() -> Iterator[list[str]]:
    """Yield the words of every command: `["study", "researcher", "add"]`."""
    from write_cli import COMMANDS  # the page docs/cli.md lists them, too

    commands: Mapping[str, click.Command] = COMMANDS
    for name, command in commands.items():
        yield from walk(command, name.split())


def walk(command: click.Command, words: list[str]) -> Iterator[list[str]]:
    """Yield the words of a command and of all commands below it."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if inner := command.get_command(context, name):
                yield from walk(inner, [*words, name])


def main() -> None:
    """Print every command whose help was shown; exit 1 at the first one that fails."""
    for words in list_commands():
        command = [*find_program(words), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if done.returncode != 0 or not done.stdout.startswith("Usage:"):
            sys.exit(f"{' '.join(words)} --help: exit {done.returncode}\n{done.stderr}")
        print(" ".join(words), flush=True)


if __name__ == "__main__":
    main()
