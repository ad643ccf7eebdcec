"""Work that only one thread of all processes may do at a time, on both databases."""

import subprocess
import sys

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.storage.exclusive import exclusively


def test_only_one_thread_of_a_process_runs_a_block(engine: Engine) -> None:
    with (
        exclusively(engine, "pay", "busy"),
        exclusively(engine, "report", "busy"),
        pytest.raises(StudyError, match="busy"),
        exclusively(engine, "pay", "busy"),
    ):
        raise AssertionError("ran twice")
    with exclusively(engine, "pay", "busy"):
        pass


def test_a_failure_frees_the_block(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), exclusively(engine, "pay", "busy"):
        raise ZeroDivisionError
    with exclusively(engine, "pay", "busy"):
        pass


@pytest.mark.slow(0.9)
def test_another_process_is_kept_out(engine: Engine) -> None:
    program = (
        "import sys; from study_server.storage.engine import open_engine; "
        "from study_server.storage.exclusive import exclusively\n"
        "with exclusively(open_engine(sys.argv[1]), 'pay', 'busy'): print('ran')"
    )
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, url]
    with exclusively(engine, "pay", "busy"):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.stderr.splitlines()[-1] == "study_server.errors.StudyError: busy"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "ran\n"
