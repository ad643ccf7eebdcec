"""Every schema there was, with rows in it, on SQLite and PostgreSQL."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from study_server import database
from study_server.database import open_engine, prepare, read_schema, transaction
from study_server.errors import StudyError
from study_server.models import Base

MOMENT = "2026-01-05 10:00:00.123000+00:00"
FIRST_ROWS = f"""
INSERT INTO study (id, slug, title, state, protocol, presentation, question, schedule_seed, key,
  manifest_sha256, design_sha256, created_at)
VALUES (1, 'mine', 'Title', 'open', '{{}}', 'sequential', 'fake', 'seed', :key, 'aa', NULL,
  '{MOMENT}');
INSERT INTO stimulus (id, study_id, image, method, file, width, height, split, checkpoint) VALUES
  (1, 1, 'a', 'real', 'x/1.png', 8, 8, 'test', ''), (2, 1, 'a', 'mcl', 'x/2.png', 8, 8, 'test', '');
INSERT INTO participant (id, study_id, name, token, mode, source, outcome, method, consent_version,
  comment, started_at, seen_at, finished_at)
VALUES (1, 1, 'p1', 'token', 'live', 'link', 'complete', 'mcl', '1', '', '{MOMENT}', '{MOMENT}',
  '{MOMENT}');
INSERT INTO identity (participant_id, study_id, source, digest) VALUES (1, 1, 'link', 'digest');
INSERT INTO environment (participant_id, language, refresh_hz, device_pixel_ratio, viewport,
  color_gamut, inverted_colors, forced_colors)
VALUES (1, 'en', 59.9, 2.0, '800x600', 'p3', FALSE, TRUE);
INSERT INTO trial (id, participant_id, slot, attempt, kind, block, token, fake_id, real_id,
  fake_side, exposure_ms, started_at, voided)
VALUES (1, 1, 0, 0, 'test', 1, 't0', 2, 1, 'left', 1000, '{MOMENT}', TRUE),
  (2, 1, 0, 1, 'test', 1, 't1', 2, 1, 'right', 1000, '{MOMENT}', FALSE);
INSERT INTO response (trial_id, answer, rt_ms, first_ms, second_ms, hidden, blurred, resized,
  slow_frame, late, received_at)
VALUES (2, 'left', 812, 1000.5, 999.5, TRUE, FALSE, FALSE, FALSE, FALSE, '{MOMENT}');
INSERT INTO researcher (id, name, password_hash) VALUES (1, 'ada', NULL);
INSERT INTO login_link (digest, researcher_id, expires_at) VALUES ('d', 1, '{MOMENT}')
"""
TABLES = (
    "study", "stimulus", "participant", "identity", "environment", "trial", "response",
    "researcher", "login_link",
)  # fmt: skip
REVISIONS = [
    script.revision
    for script in ScriptDirectory.from_config(database._migrations()).walk_revisions()
][::-1]


def fill(connection: Connection) -> None:
    for statement in FIRST_ROWS.split(";\n"):
        values = {"key": b"\x01" * 32} if ":key" in statement else {}
        connection.execute(text(statement), values)


def rows(engine: Engine) -> dict[str, list[dict[str, object]]]:
    """Every row of every table of the first schema, and of its view, in one order."""
    orders = dict.fromkeys(TABLES, "1") | {"responses_export": "participant, position"}
    with engine.connect() as connection:
        found = {
            table: connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()
            for table, order in orders.items()
        }
        return {table: [dict(row) for row in listed] for table, listed in found.items()}


@pytest.fixture
def first(database_url: str) -> Iterator[Engine]:
    """A database of the first schema with a row in every table."""
    engine = open_engine(database_url)
    database.upgrade(engine, "0001")
    with engine.execution_options(writes=True).begin() as connection:
        fill(connection)
    yield engine
    engine.dispose()


def holds(
    now: dict[str, list[dict[str, object]]], before: dict[str, list[dict[str, object]]]
) -> bool:
    """Whether every value of before is still there; new columns may have come."""
    return all(
        old.items() <= new.items()
        for table in before
        for old, new in zip(before[table], now[table], strict=True)
    )


def test_no_row_of_the_first_schema_is_lost_on_the_way_up_and_down(first: Engine) -> None:
    before = rows(first)
    assert [len(before[table]) for table in ("trial", "response", "responses_export")] == [2, 1, 2]
    for revision in REVISIONS[1:]:
        database.upgrade(first, revision)
        assert holds(rows(first), before), revision
    for revision in REVISIONS[-2::-1]:
        database.downgrade(first, revision)
        assert holds(rows(first), before), revision
    assert rows(first) == before
    database.upgrade(first)
    assert holds(rows(first), before)


def test_the_migrations_lead_to_the_tables_that_the_program_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


WORDING = "INSERT INTO wording (study_id, language, part, text) VALUES (1, 'de', {}, {})"


def write_text(engine: Engine, part: str, words: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(WORDING.format(part, words))


@pytest.mark.parametrize("wrong", [("'title'", "'Titel'"), ("'question'", "''")])
def test_texts_come_and_go_with_their_schema(first: Engine, wrong: tuple[str, str]) -> None:
    database.upgrade(first)
    write_text(first, "'question'", "'Welches Bild?'")
    with pytest.raises(IntegrityError):
        write_text(first, *wrong)
    with first.connect() as connection:
        assert connection.exec_driver_sql("SELECT language FROM participant").scalar() == "en"
    database.downgrade(first, "0003")
    database.upgrade(first)
    with first.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM wording").scalar() == 0


SCREENING = "INSERT INTO screening (participant_id, color_vision, plates_correct) VALUES (1,{},{})"
ENDING = "INSERT INTO ending (study_id, source, outcome, text) VALUES (1, {}, 'complete', {})"


def insert(engine: Engine, statement: str, *values: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(statement.format(*values))


@pytest.mark.parametrize(
    ("statement", "right", "wrong"),
    [
        (SCREENING, ("'normal'", "3"), ("'good'", "3")),
        (SCREENING, ("NULL", "NULL"), ("'normal'", "-1")),
        (ENDING, ("'prolific'", "'C1'"), ("'prolific'", "''")),
        (ENDING, ("'sona'", "'https://'"), ("'pigeon'", "'C1'")),
    ],
)
def test_screening_and_endings_come_and_go_with_their_schema(
    first: Engine, statement: str, right: tuple[str, str], wrong: tuple[str, str]
) -> None:
    database.upgrade(first)
    with pytest.raises(IntegrityError):
        insert(first, statement, *wrong)
    insert(first, statement, *right)
    database.downgrade(first, "0006")
    assert not {"screening", "ending"} & set(inspect(first).get_table_names())
    database.upgrade(first)
    with first.connect() as connection:
        for table in ("screening", "ending"):
            assert connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar() == 0


def test_down_to_nothing_leaves_nothing(first: Engine) -> None:
    database.upgrade(first)
    database.downgrade(first, "base")
    assert inspect(first).get_table_names() == ["alembic_version"]
    assert inspect(first).get_view_names() == []


def test_a_copied_table_keeps_its_children(first: Engine) -> None:
    """SQLite alters a table by copying it and dropping the old one, which must not cascade."""
    copy = "always" if first.dialect.name == "sqlite" else "never"
    with (
        first.execution_options(writes=True).connect() as connection,
        database._altering(connection),
    ):
        connection.exec_driver_sql("DROP VIEW responses_export")
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("study", recreate=copy) as batch:  # type: ignore[arg-type]
            batch.alter_column("title", nullable=True)
    with first.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM response").scalar() == 1
        if first.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_migration_that_orphans_rows_is_undone(first: Engine) -> None:
    if first.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses at once")
    with (
        pytest.raises(StudyError, match="without their parents"),
        first.execution_options(writes=True).connect() as connection,
        database._altering(connection),
    ):
        connection.exec_driver_sql("DELETE FROM study")
    assert len(rows(first)["study"]) == 1


def test_an_older_schema_asks_for_an_upgrade(first: Engine) -> None:
    with pytest.raises(StudyError, match=r"schema 0001, this program .*; run `study upgrade`"):
        prepare(first)


def test_an_unknown_schema_is_left_alone(engine: Engine) -> None:
    with transaction(engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StudyError, match="give another STUDY_DATABASE_URL"):
        prepare(engine)


def test_an_empty_database_has_no_schema(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert read_schema(connection) is None
    engine.dispose()
