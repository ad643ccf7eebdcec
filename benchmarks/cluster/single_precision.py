"""The command `colorizer` in float32, also on processors that compute in bfloat16."""

import sys
from contextlib import nullcontext
from unittest import mock

from colorizer.cli import main


def call(arguments: list[str]) -> None:
    """Run the command; raises SystemExit with its status."""
    full = mock.patch("colorizer.training.loop.autocast_bfloat16", return_value=nullcontext())
    with full:
        main(arguments)


if __name__ == "__main__":
    call(sys.argv[1:])
