"""Write docs/cli.md from the commands themselves: `python docs/write_cli.py`."""

from collections.abc import Iterator
from pathlib import Path

import click

from analysis.convert import convert
from analysis.monitor import monitor
from analysis.power import power_command
from analysis.report import report
from colorizer.cli import commands as colorizer
from study_server.cli import commands as study

INTRODUCTION = """# Commands and options

Generated from the code by `python docs/write_cli.py`; a test fails when this page is out of date.

Exit status: 0, success; 1, success, but some inputs were refused (each on one line of stderr:
`refused NAME: reason`); 2, error (one line on stderr); 130, interrupted by Ctrl-C, with no partial
output.
"""
COMMANDS: dict[str, click.Command] = {
    "colorizer": colorizer,
    "study": study,
    "python -m analysis.report": report,
    "python -m analysis.convert": convert,
    "python -m analysis.power": power_command,
    "python -m analysis.monitor": monitor,
}


def render() -> str:
    """Return the page: the help of every command."""
    pages = [page for name, command in COMMANDS.items() for page in _pages(command, name)]
    return "\n".join([INTRODUCTION, *pages])


def _pages(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    context = click.Context(
        command, parent, name, terminal_width=100, max_content_width=100, color=False
    )
    yield f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            if inner := command.get_command(context, word):
                yield from _pages(inner, word, context)


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(render(), encoding="utf-8")
