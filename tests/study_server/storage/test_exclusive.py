"""Work that only one thread of all processes may do at a time, on both databases."""

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.storage import exclusive
from study_server.storage.engine import open_engine
from study_server.storage.exclusive import exclusively


def test_only_one_thread_of_a_process_runs_a_block(engine: Engine) -> None:
    with (
        exclusively(engine, "pay:short", "busy"),
        exclusively(engine, "pay:other", "busy"),
        pytest.raises(StudyError, match="busy"),
        exclusively(engine, "pay:short", "busy"),
    ):
        raise AssertionError("ran twice")
    with exclusively(engine, "pay:short", "busy"):
        pass


def test_a_failure_frees_the_block(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), exclusively(engine, "pay:short", "busy"):
        raise ZeroDivisionError
    with exclusively(engine, "pay:short", "busy"):
        pass


def test_another_process_on_postgresql_is_kept_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("a SQLite database has one server process")
    other = open_engine(engine.url)
    with exclusively(engine, "pay:short", "busy"):
        monkeypatch.setattr(exclusive, "_NAMES_IN_USE", set())  # as in another process
        with pytest.raises(StudyError, match="busy"), exclusively(other, "pay:short", "busy"):
            raise AssertionError("ran twice")
    other.dispose()
