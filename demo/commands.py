"""The project's commands, run as a user would run them."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen, TimeoutExpired

print_now = partial(print, flush=True)  # each line when it is true, also where it goes to a file


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


def run_step(what: str, is_done: bool, action: Callable[[], None]) -> None:
    """Do a part of the demo unless its outcome is there; say what it is and how long it took."""
    if is_done:
        print_now(f"{what}: already done")
        return
    print_now(what)
    started = time.monotonic()
    action()
    print_now(f"    {time.monotonic() - started:.0f} s")


def run(folder: Path, *command: str, output: Path | None = None) -> None:
    """Run a command in `folder`; raises DemoError when it fails.

    output: what it leaves; a command that refused some inputs (exit 1) but made this is done.
    On a terminal its stderr, where progress bars are, is shown as it comes.
    """
    done = execute(folder, command, stderr=None if sys.stderr.isatty() else PIPE)
    refused_some = done.returncode == 1 and output is not None and output.exists()
    if done.returncode != 0 and not refused_some:
        reason = done.stderr.strip() if done.stderr else "see its message above"
        raise DemoError(f"`{' '.join(command)}` failed: {reason}")
    if refused_some and done.stderr:
        print(done.stderr, end="", file=sys.stderr)


def execute(
    folder: Path, command: tuple[str, ...], stdout: int | None = PIPE, stderr: int | None = PIPE
) -> CompletedProcess[str]:
    """Run a command to its end and tell how it went; None shows a stream, PIPE keeps it.

    Raises KeyboardInterrupt, once the command has ended, when this or that was interrupted.
    """
    program = [sys.executable if command[0] == "python" else script_path(command[0]), *command[1:]]
    with Popen(
        program, cwd=folder, env=clean_environment(), stdout=stdout, stderr=stderr, text=True
    ) as process:
        try:
            output, errors = process.communicate()
        except KeyboardInterrupt:
            stop_process(process)
            raise
    if process.returncode in (130, -signal.SIGINT):
        raise KeyboardInterrupt
    return CompletedProcess(command, process.returncode, output, errors)


def script_path(name: str) -> str:
    """The console script beside this Python."""
    return str(Path(sys.executable).with_name(name))


def clean_environment() -> dict[str, str]:
    """Return the environment without STUDY_ settings, so that the demo touches no real database."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STUDY_")}


def stop_process(process: Popen[str]) -> None:
    """Let a command end as Ctrl-C makes it: a terminal tells it too, anything else does not."""
    for signal_number in (None, signal.SIGINT, signal.SIGKILL):
        if signal_number is not None:
            process.send_signal(signal_number)
        try:
            process.wait(timeout=2)
        except TimeoutExpired:
            continue
        return
