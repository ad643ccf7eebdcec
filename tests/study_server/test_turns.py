"""Writers of one database take turns, whether threads or processes."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from study_server.turns import Turn

HOLD = """
import sys, time
from pathlib import Path
from study_server.turns import Turn
assert Turn(Path(sys.argv[1])).take(0)
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "study.sqlite"


@pytest.fixture
def holder(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, whose turn it is."""
    command = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def test_one_at_a_time(database: Path) -> None:
    one, other = Turn(database), Turn(database)
    assert one.take(0)
    assert not other.take(0.01)
    assert not one.take(0.01)  # another thread's
    one.give_back()
    for turn in (other, one):
        assert turn.take(0)
        turn.give_back()


def test_nobody_is_let_in_beside_another(database: Path) -> None:
    """Two counters for one: neither is right unless they take turns."""
    turns, counted = (Turn(database), Turn(database)), [0]

    def count(number: int) -> None:
        turn = turns[number % 2]
        assert turn.take(20)
        before = counted[0]
        os.sched_yield()
        counted[0] = before + 1
        turn.give_back()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(400)))
    assert counted == [400]


def test_who_dies_gives_it_back(database: Path, holder: subprocess.Popen[str]) -> None:
    turn = Turn(database)
    assert not turn.take(0.05)
    holder.kill()
    assert turn.take(20)
    turn.give_back()


@pytest.mark.parametrize("file", [None, Path("/no/such/folder/study.sqlite")])
def test_threads_take_turns_where_there_is_no_file(file: Path | None) -> None:
    turn = Turn(file)
    assert turn.take(0)
    assert not turn.take(0.01)
    turn.give_back()


def test_a_disk_that_locks_no_files_holds_nobody_up(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    turn = Turn(database)
    assert turn.take(0)
    turn.give_back()


def test_no_file_stays_open(database: Path) -> None:
    turn = Turn(database)
    files = open_files()
    for _ in range(5):
        assert turn.take(0)
        turn.give_back()
    assert open_files() == files


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
