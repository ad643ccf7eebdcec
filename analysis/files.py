"""What the commands share: a mistake is one line on stderr, and files are written whole."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

MISTAKE, INTERRUPTED = 2, 130  # exit codes


def run(command: click.Command) -> None:
    """The command with one line on stderr for a mistake, and 130 for Ctrl-C."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(MISTAKE)
    except click.Abort:
        sys.exit(INTERRUPTED)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all under temporary names, then rename: a failure leaves what was there before."""
    parts = {folder / name: folder / f"{name}.part" for name in files}
    try:
        for (path, part), content in zip(parts.items(), files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
