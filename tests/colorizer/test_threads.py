"""Tests of the environment variables that the package sets before torch is imported."""

import os
import subprocess
import sys

import pytest

REPORT = "import sys, os, colorizer; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"


@pytest.mark.parametrize(("given", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep_unless_the_user_wants_otherwise(
    given: str | None, expected: str
) -> None:
    environment = {name: x for name, x in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    command = [sys.executable, "-c", REPORT]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == [expected, "False"]
