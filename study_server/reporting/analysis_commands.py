"""Run the commands of the analysis, which may not be installed where the server is."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from study_server.errors import StudyError

INSTALL_COMMAND = "pip install 'hue-and-eye[analysis]'"
NEEDED_MODULES = ("analysis", "jinja2", "matplotlib", "pyarrow", "scipy")


def is_analysis_installed() -> bool:
    """Return whether the commands of the analysis can run on this computer."""
    return all(find_spec(module) is not None for module in NEEDED_MODULES)


def run_analysis(command: str, arguments: Sequence[str]) -> None:
    """Run `python -m analysis.COMMAND`.

    Raises StudyError if the analysis is not installed, or with the last line that the command
    writes to stderr if it fails.
    """
    if not is_analysis_installed():
        raise StudyError(f"the analysis is not installed here; run `{INSTALL_COMMAND}`")
    done = subprocess.run(
        [sys.executable, "-m", f"analysis.{command}", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise StudyError(f"python -m analysis.{command}: {lines[-1].removeprefix('Error: ')}")
