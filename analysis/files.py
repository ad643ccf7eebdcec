"""Run commands with one-line errors, and write files atomically."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

USAGE_ERROR_EXIT, INTERRUPTED_EXIT = 2, 130  # exit codes


def run_command(command: click.Command) -> None:
    """Run a command; errors are one line on stderr with status 2, and Ctrl-C is status 130."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(USAGE_ERROR_EXIT)
    except click.Abort:
        sys.exit(INTERRUPTED_EXIT)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and rename it to `path` if the block succeeds.

    If the block fails, what it wrote is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files under temporary names, then rename them.

    If one cannot be written, none is replaced.
    """
    with ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(atomic_write(folder / name)).write_bytes(content)
