"""A backup holds one moment, a restore brings it back; both while people answer."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, func, select, text

from study_server.errors import StudyError
from study_server.participants import enrollment
from study_server.storage import schema
from study_server.storage.backup import backup_path, restore_backup, write_backup
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Base, Participant, Trial
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, RecruitmentSource
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.later_revision import add_later_revision
from tests.study_server.storage.test_schema import fill

TRIALS = 7  # a participant of the short study has


@pytest.fixture
def replaced(tmp_path: Path) -> Path:
    return tmp_path / "replaced.sqlite"


def come(engine: Engine, person: str) -> str:
    with write_transaction(engine) as db:
        return enrollment.enroll_participant(
            db, find_study(db, "short"), person, Mode.LIVE, RecruitmentSource.LINK
        ).public_id


def count_people(engine: Engine) -> int:
    with read_session(engine) as db:
        return db.scalar(select(func.count()).select_from(Participant)) or 0


def wait_for_one_more(engine: Engine) -> None:
    """Raises TimeoutError where nobody comes for half a minute."""
    before, until = count_people(engine), time.monotonic() + 30
    while count_people(engine) == before:
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=str)
            for table in Base.metadata.sorted_tables
        }


def opened(file: Path) -> Engine:
    return create_engine(URL.create("sqlite", database=str(file)))


@contextmanager
def writing_meanwhile(write: Callable[[int], object]) -> Iterator[None]:
    """Two threads write, and any error of theirs is this test's."""
    stop, errors = threading.Event(), []

    def run(thread: int) -> None:
        number = thread
        while not stop.is_set():
            try:
                write(number)
            except Exception as error:
                errors.append(error)
                return
            number += 2
            stop.wait(0.02)  # people pause; SQLite gives no turns to who waits

    threads = [threading.Thread(target=run, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []


@pytest.fixture
def study(engine: Engine, manifest: Path, tmp_path: Path) -> str:
    return open_study(engine, short_protocol(), manifest, tmp_path / "instance")


@pytest.mark.slow(0.3)
def test_a_restored_database_has_every_row_again(
    engine_with_answers: Engine, tmp_path: Path, replaced: Path
) -> None:
    engine, file = engine_with_answers, tmp_path / "kept.sqlite"
    before = contents(engine)
    write_backup(engine, file)
    assert contents(opened(file)) == before
    later = come(engine, "later")
    with write_transaction(engine) as db:
        db.execute(text("DELETE FROM response"))
    assert restore_backup(engine, file, replaced) == []
    assert contents(engine) == before
    assert later in str(contents(opened(replaced)))
    come(engine, "next")  # numbers are counted on from the highest


def test_a_backup_is_one_file_for_its_owner_alone(
    engine: Engine, study: str, tmp_path: Path
) -> None:
    file = tmp_path / "backups" / "kept.sqlite"
    write_backup(engine, file)
    assert [each.name for each in file.parent.iterdir()] == ["kept.sqlite"]
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StudyError, match="already exists"):
        write_backup(engine, file)


def test_a_backup_during_writes_contains_only_complete_enrollments(
    engine: Engine, study: str, tmp_path: Path
) -> None:
    come(engine, "first")
    with writing_meanwhile(lambda number: come(engine, f"person {number}")):
        files = [tmp_path / f"{number}.sqlite" for number in range(3)]
        for file in files:
            write_backup(engine, file)
            wait_for_one_more(engine)
    counts = []
    for file in files:
        with closing(sqlite3.connect(file)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
            ((people,),) = copy.execute("SELECT COUNT(*) FROM participant")
            ((trials,),) = copy.execute("SELECT COUNT(*) FROM trial")
        assert trials == TRIALS * people
        counts.append(people)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.slow(0.9)
def test_a_restore_during_writes_keeps_later_participants(
    engine: Engine, study: str, tmp_path: Path
) -> None:
    come(engine, "first")
    write_backup(engine, tmp_path / "kept.sqlite")
    with writing_meanwhile(lambda number: come(engine, f"person {number}")):
        for number in range(2):
            restore_backup(engine, tmp_path / "kept.sqlite", tmp_path / f"replaced-{number}.sqlite")
    come(engine, "last")
    people = count_people(engine)
    with read_session(engine) as db:
        trials = db.scalar(select(func.count()).select_from(Trial))
    assert people >= 2
    assert trials == TRIALS * people


def test_participants_deleted_since_the_backup_are_returned(
    engine: Engine, study: str, tmp_path: Path, replaced: Path
) -> None:
    names = [come(engine, person) for person in ("a", "b")]
    write_backup(engine, tmp_path / "kept.sqlite")
    with write_transaction(engine) as db:
        db.execute(text("DELETE FROM participant WHERE public_id = :id"), {"id": names[0]})
    assert restore_backup(engine, tmp_path / "kept.sqlite", replaced) == [("short", names[0])]


@pytest.mark.slow(0.3)
def test_a_backup_of_sqlite_moves_to_the_other_database(
    engine: Engine, tmp_path: Path, manifest: Path, replaced: Path
) -> None:
    small = open_engine(f"sqlite:///{tmp_path / 'small.sqlite'}")
    ensure_current_schema(small)
    open_study(small, short_protocol(), manifest, tmp_path / "instance")
    come(small, "somebody")
    write_backup(small, tmp_path / "kept.sqlite")
    restore_backup(engine, tmp_path / "kept.sqlite", replaced)
    assert contents(engine) == contents(small)
    small.dispose()


def test_a_backup_of_an_older_schema_is_restored_to_this_one(
    engine: Engine, tmp_path: Path, replaced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        fill(connection)
    write_backup(engine, tmp_path / "older.sqlite")
    (tmp_path / "later").mkdir()
    add_later_revision(tmp_path / "later", monkeypatch)
    schema.upgrade(engine)
    before = contents(engine)
    with write_transaction(engine) as db:
        db.execute(text("DELETE FROM participant"))
    restore_backup(engine, tmp_path / "older.sqlite", replaced)
    assert contents(engine) == before


def test_an_invalid_backup_changes_nothing(
    engine: Engine, study: str, tmp_path: Path, replaced: Path
) -> None:
    before = contents(engine)
    (tmp_path / "text").write_text("this is not a database " * 100)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE t (x)")
    for name, words in (
        ("nothing", "no such file"),
        ("text", "not a valid backup"),
        ("other", "contains no studies"),
    ):
        with pytest.raises(StudyError, match=words):
            restore_backup(engine, tmp_path / name, replaced)
    assert contents(engine) == before
    assert not replaced.exists()


def test_an_automatic_backup_is_named_for_its_moment_and_replaces_no_other(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)
    for name in ("20260105T100000-schema-0001.sqlite", "20260105T100000-schema-0001-2.sqlite"):
        path = backup_path(tmp_path, "schema-0001", moment)
        assert path == tmp_path / name
        path.touch()
