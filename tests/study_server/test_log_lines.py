"""Lines of the log wait for one another, and none is lost by it."""

import logging
import subprocess
import sys
import time

import pytest

from study_server import logs


def test_lines_wait_for_one_another_and_an_error_for_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "WRITE_EVERY_S", 0.3)
    log = logging.Logger("lines")
    log.addHandler(logs.Lines())
    log.info("first")
    log.info("second")
    assert capsys.readouterr().err == ""
    time.sleep(0.5)
    assert capsys.readouterr().err == "first\nsecond\n"
    log.info("third")
    log.error("failed")
    assert capsys.readouterr().err == "third\nfailed\n"


def test_lines_that_wait_are_written_when_the_server_ends() -> None:
    script = "from study_server import logs; logs.log_to_stderr(); logs.REQUESTS.info('the last')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr == b"the last\n"
