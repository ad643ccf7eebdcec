"""The database's promises."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from study_server.errors import StudyError
from study_server.storage import engine as database
from study_server.storage.engine import open_engine, transaction
from study_server.storage.schema import prepare


def test_sqlite_survives_power_cuts_and_forgets_what_is_deleted(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "busy_timeout": 20000,
        "foreign_keys": 1,
    }
    engine.dispose()


@pytest.mark.parametrize(
    "nonsense",
    [
        "INSERT INTO response (trial_id, answer) VALUES (99, 'left')",
        "INSERT INTO login_link (digest, researcher_id, expires_at) VALUES ('x', 99, '2026-01-01')",
        "UPDATE study SET state = 'ajar'",
        "UPDATE stimulus SET width = 0",
        "UPDATE trial SET real_id = fake_id",
        "UPDATE participant SET outcome = 'bored'",
        "UPDATE response SET rt_ms = -1",
        "UPDATE response SET answer = 'middle'",
        "UPDATE participant SET token = NULL",
        "INSERT INTO wording (study_id, language, part, text) VALUES (1, 'de', 'title', 'Titel')",
        "UPDATE wording SET text = ''",
        "INSERT INTO screening (participant_id, color_vision) VALUES (1, 'good')",
        "INSERT INTO screening (participant_id, plates_correct) VALUES (1, -1)",
        "INSERT INTO ending (study_id, source, outcome, text) VALUES (1, 'sona', 'complete', '')",
        "INSERT INTO ending (study_id, source, outcome, text) VALUES (1, 'bird', 'complete', 'C')",
    ],
)
def test_nonsense_is_refused(nonsense: str, engine_with_answers: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine_with_answers) as db:
        db.execute(text(nonsense))


@pytest.fixture
def impatient(sqlite_url: str) -> Iterator[Engine]:
    """An engine whose connections do not wait for SQLite's lock at all."""
    engine = open_engine(sqlite_url)
    event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA busy_timeout=0"))
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("CREATE TABLE answer (id INTEGER PRIMARY KEY)"))
    yield engine
    engine.dispose()


def test_the_writers_of_a_process_queue_for_the_lock(impatient: Engine) -> None:
    def write(_: int) -> None:
        with transaction(impatient) as db:
            db.execute(text("INSERT INTO answer DEFAULT VALUES"))
            time.sleep(0.002)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(80)))
    with impatient.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM answer")).scalar() == 80


def test_a_writer_that_fails_gives_its_turn_back(
    impatient: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ZeroDivisionError), transaction(impatient):
        _ = 1 / 0
    monkeypatch.setitem(database.PRAGMAS, "busy_timeout", "0")  # whoever has to wait is refused
    with ThreadPoolExecutor(1) as threads, transaction(impatient) as db:
        db.execute(text("INSERT INTO answer DEFAULT VALUES"))
        refused = threads.submit(begin_to_write, impatient)
        assert isinstance(refused.exception(), OperationalError)
    begin_to_write(impatient)


def test_engines_on_one_file_queue_for_the_lock(impatient: Engine) -> None:
    """As processes do, each with an engine of its own."""
    other = open_engine(impatient.url)
    event.listen(other, "connect", lambda driver, _: driver.execute("PRAGMA busy_timeout=0"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(begin_to_write, (impatient, other) * 40))
    with other.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM answer")).scalar() == 80
    other.dispose()


def test_who_finds_it_locked_by_a_stranger_gives_the_turn_back(impatient: Engine) -> None:
    stranger = sqlite3.connect(str(impatient.url.database), isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError):
        begin_to_write(impatient)
    stranger.close()
    with ThreadPoolExecutor(1) as threads:  # another thread, another connection
        threads.submit(begin_to_write, impatient).result(timeout=5)


def begin_to_write(engine: Engine) -> None:
    with transaction(engine) as db:
        db.execute(text("INSERT INTO answer DEFAULT VALUES"))


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+nodriver://x"])
def test_a_wrong_url_is_one_clear_line(url: str) -> None:
    with pytest.raises(StudyError, match=r"STUDY_DATABASE_URL: .*; give sqlite:///FILE or"):
        open_engine(url)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is not a database " * 100)
    with pytest.raises(StudyError, match="the database does not open"):
        prepare(open_engine(f"sqlite:///{tmp_path / 'text'}"))
