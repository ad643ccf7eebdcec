"""The database's promises."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from study_server.errors import StudyError
from study_server.participants.enrollment import enroll_participant
from study_server.participants.responses import SubmittedResponse
from study_server.storage import engine as database
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.models import Base
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import LEFT, begin, respond, upcoming


def test_traces_are_erased_from_every_table_that_a_withdrawal_empties() -> None:
    emptied = {"participant"}
    for table in Base.metadata.sorted_tables:  # the tables that others refer to come first
        owners = {key.column.table.name for key in table.foreign_keys if key.ondelete == "CASCADE"}
        emptied |= {table.name} if owners & emptied else set()
    assert {*database.PARTICIPANT_TABLES} == emptied


def test_sqlite_is_set_to_survive_power_cuts_and_erase_deleted_rows(sqlite_url: str) -> None:
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


def test_only_the_owner_can_read_the_files_of_sqlite(tmp_path: Path) -> None:
    new, old = tmp_path / "new.sqlite", tmp_path / "old.sqlite"
    old.touch(mode=0o644)
    old.chmod(0o644)
    for file in (new, old):
        engine = open_engine(f"sqlite:///{file}")
        ensure_current_schema(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            files = list(tmp_path.glob(f"{file.name}*"))
            assert len(files) == 3
            assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        engine.dispose()


def test_a_folder_that_forbids_a_database_is_an_error_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path / 'study.sqlite'}")
    with pytest.raises(StudyError, match="cannot open the database"):
        ensure_current_schema(engine)
    assert (tmp_path / "study.sqlite").stat().st_mode & 0o700 == 0o700


@pytest.fixture
def answered(engine: Engine, manifest: Path, tmp_path: Path) -> Engine:
    """The short study with one participant, who gave one answer."""
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        person = enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        trial = upcoming(db, person)[0]
        begin(db, person, trial)
        respond(db, person, trial, SubmittedResponse(LEFT, 812, 100.1, 99.9))
    return engine


@pytest.mark.parametrize(
    "nonsense",
    [
        "INSERT INTO response (trial_id) VALUES (99)",
        "INSERT INTO login_link VALUES ('x', 99, '2026-01-01')",
        "UPDATE study SET state = 'ajar'",
        "UPDATE stimulus SET width = 0",
        "UPDATE trial_stimulus SET stimulus_id = 1",
        "UPDATE trial_stimulus SET role = 'foe'",
        "INSERT INTO judgment VALUES (1, 2, 'real', 1)",  # a slot that was not shown
        "INSERT INTO judgment VALUES (2, 0, 'real', 1)",  # a trial without a response
        "INSERT INTO judgment VALUES (1, 0, 'real', 1)",  # judged twice
        "UPDATE judgment SET value = 2",
        "UPDATE judgment SET scale = 'rank', value = 0",
        "UPDATE judgment SET scale = ''",
        "UPDATE participant SET outcome = 'bored'",
        "UPDATE response SET rt_ms = -1",
        "UPDATE participant SET token = NULL",
        "INSERT INTO wording (study_id, language, part, text) VALUES (1, 'de', 'title', 'Titel')",
        "UPDATE wording SET text = ''",
        "INSERT INTO screening (participant_id, color_vision) VALUES (1, 'good')",
        "INSERT INTO screening (participant_id, plates_correct) VALUES (1, -1)",
        "INSERT INTO submitted_page VALUES (1, 'during', '2026-01-05')",
        "INSERT INTO question_answer VALUES (1, 'age', 'before', 'choice', 'not submitted')",
        "INSERT INTO platform_completion VALUES (1, 'sona', 'complete', '')",
        "INSERT INTO platform_completion VALUES (1, 'bird', 'complete', 'C')",
    ],
)
def test_nonsense_is_refused(nonsense: str, answered: Engine) -> None:
    with pytest.raises(IntegrityError), write_transaction(answered) as db:
        db.execute(text(nonsense))


@pytest.fixture
def counter(sqlite_url: str) -> Iterator[Engine]:
    """A SQLite database with one empty table."""
    engine = open_engine(sqlite_url)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("CREATE TABLE answer (id INTEGER PRIMARY KEY)"))
    yield engine
    engine.dispose()


def insert(engine: Engine) -> None:
    with write_transaction(engine) as db:
        db.execute(text("INSERT INTO answer DEFAULT VALUES"))


def insert_and_fail(engine: Engine) -> None:
    with write_transaction(engine) as db:
        db.execute(text("INSERT INTO answer DEFAULT VALUES"))
        _ = 1 / 0


def count_answers(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM answer")).scalar_one())


def test_writers_wait_for_one_another_in_one_process_and_in_several(counter: Engine) -> None:
    """An engine of its own stands for a process."""
    other = open_engine(counter.url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(insert, (counter, counter, other, other) * 20))
    assert count_answers(counter) == 80
    other.dispose()


def test_the_writers_of_a_process_queue_and_never_find_the_database_locked(
    counter: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    event.listen(counter, "connect", lambda driver, _: driver.execute("PRAGMA busy_timeout=0"))
    counter.dispose()  # new connections do not wait for SQLite at all

    def insert_slowly(_: int) -> None:
        with write_transaction(counter) as db:
            db.execute(text("INSERT INTO answer DEFAULT VALUES"))
            time.sleep(0.002)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(insert_slowly, range(80)))
    assert count_answers(counter) == 80


def test_a_failed_writer_leaves_nothing_and_blocks_no_other(counter: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        insert_and_fail(counter)
    with ThreadPoolExecutor(1) as threads:  # another thread, another connection
        threads.submit(insert, counter).result(timeout=5)
    assert count_answers(counter) == 1


def test_a_writer_that_finds_the_database_locked_for_too_long_is_refused(
    counter: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "busy_timeout", "50")
    counter.dispose()  # new connections have the new timeout
    with closing(sqlite3.connect(str(counter.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="database is locked"):
            insert(counter)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(insert, counter).result(timeout=5)
    assert count_answers(counter) == 1


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+nodriver://x"])
def test_a_wrong_url_is_one_clear_line(url: str) -> None:
    with pytest.raises(StudyError, match=r"STUDY_DATABASE_URL: .*; use sqlite:///FILE or"):
        open_engine(url)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is not a database " * 100)
    with pytest.raises(StudyError, match="cannot open the database"):
        ensure_current_schema(open_engine(f"sqlite:///{tmp_path / 'text'}"))
