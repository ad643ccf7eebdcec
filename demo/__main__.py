"""`make demo`: photographs in color anew, a study to click through, and a simulated report."""

import hashlib
import os
import socket
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from demo.colorizers import find_own_photos, make_stimuli
from demo.commands import DemoError, execute, print_now
from demo.studies import OPEN_SLUG, make_studies, report_path

REPOSITORY_ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"


def main(arguments: Sequence[str] = ()) -> int:
    """Exit codes as of every command: 0 done, 2 a user's mistake, 130 Ctrl-C."""
    parse_arguments(arguments)
    try:
        run_demo(find_own_photos(os.environ.get("DEMO_PHOTOS", "")))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; run `make demo` again to continue.", file=sys.stderr)
        return 130
    return 0


def parse_arguments(arguments: Sequence[str]) -> None:
    """Print the help, or refuse an unknown argument with exit status 2."""
    parser = ArgumentParser(
        prog="python -m demo",
        description="Make stimuli, open a study to click through, run 30 simulated participants, "
        "write their report, and serve it all until Ctrl-C. Files are kept in .demo; delete that "
        "folder to start over.",
        epilog="environment variables:\n"
        "  PORT         port to listen on (default 8000; if it is in use, any free one)\n"
        "  DEMO_PHOTOS  folder of your own color photographs, at least 16",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)


def run_demo(own_photos: Path | None) -> None:
    """The whole chain, then a server that stays until Ctrl-C; what is there is not made again."""
    folder = demo_folder(own_photos)
    folder.mkdir(parents=True, exist_ok=True)
    print_now(f"The demo keeps its files in {folder}; delete that folder to start over.")
    make_stimuli(folder, own_photos)
    make_studies(folder)
    serve(folder)


def demo_folder(own: Path | None) -> Path:
    """`.demo` in the checkout; a folder of its own in there for every folder of photographs."""
    if own is None:
        return REPOSITORY_ROOT / ".demo"
    return REPOSITORY_ROOT / ".demo" / f"{own.name}-{hashlib.sha256(bytes(own)).hexdigest()[:8]}"


def serve(folder: Path) -> None:
    """Say where everything is and run the server, which prints the researcher's link itself."""
    port = choose_port(os.environ.get("PORT", "8000"))
    print_now(f"""
  Take part         http://{HOST}:{port}/s/{OPEN_SLUG}
  Simulated report  {report_path(folder).as_uri()}
  Simulated data    {folder / "answers"}
  Researcher pages  use the one-time sign-in link below

Ctrl-C stops the server; `make demo` starts it again.
""")
    command = ("study", "serve", "--demo", "--host", HOST, "--port", str(port))
    if execute(folder, command, stdout=None, stderr=None).returncode != 0:
        raise DemoError("the server stopped; see its message above")


def choose_port(wanted: str) -> int:
    """The wanted port where it is free, else any free one. Raises DemoError on nonsense."""
    if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
        raise DemoError(f"PORT={wanted} is not a port number; use 1 to 65535")
    try:
        with socket.create_server((HOST, int(wanted))):
            return int(wanted)
    except OSError:
        with socket.create_server((HOST, 0)) as free:
            port = int(free.getsockname()[1])
        print_now(f"Port {wanted} is in use; using {port} instead.")
        return port


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
