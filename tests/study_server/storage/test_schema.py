"""The migrations and the models agree; a later revision is reached and left without a loss."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import URL, Connection, Engine, inspect, text

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.storage import schema
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.models import Base
from study_server.storage.schema import ensure_current_schema, read_revision
from tests.databases import Databases
from tests.study_server.later_revision import REVISION, add_later_revision

MIGRATIONS = Path(schema.__file__).parents[1] / "migrations" / "versions"
RELEASED_MIGRATIONS = {  # file -> SHA-256; add one with each release, and never change one
    "0001_initial_schema.py": "331cda7fc86174f753cfbe8370d1f0e3b31429c2805b44249819fed99b0cd6c0",
}
MOMENT = "2026-01-05 10:00:00.123000+00:00"
ROWS = f"""
INSERT INTO study (id, slug, title, state, protocol, task, presentation, question,
  schedule_seed, identity_key, manifest_sha256, design_sha256, created_at)
VALUES (1, 'mine', 'Title', 'open', '{{}}', 'real_or_fake', 'sequential', 'fake', 'seed', :key,
  'aa', NULL, '{MOMENT}');
INSERT INTO stimulus (id, study_id, image, method, file, file_bytes, file_sha256,
  width, height, split, checkpoint)
VALUES (1, 1, 'a', 'real', 'x/1.png', 266, 'aa', 8, 8, 'test', ''),
  (2, 1, 'a', 'mcl', 'x/2.png', 266, 'bb', 8, 8, 'test', '');
INSERT INTO participant (id, study_id, public_id, token, mode, source, outcome, assigned_method,
  consent_version, comment, started_at, last_seen_at, finished_at)
VALUES (1, 1, 'p1', 'token', 'live', 'link', 'complete', 'mcl', '1', '', '{MOMENT}', '{MOMENT}',
  '{MOMENT}');
INSERT INTO identity (participant_id, study_id, source, external_id_digest)
VALUES (1, 1, 'link', 'digest');
INSERT INTO withdrawal (study_id, digest, withdrawn_on) VALUES (1, 'digest', '{MOMENT}');
INSERT INTO environment (participant_id, language, refresh_hz, device_pixel_ratio, viewport,
  color_gamut, inverted_colors, forced_colors)
VALUES (1, 'en', 59.9, 2.0, '800x600', 'p3', FALSE, TRUE);
INSERT INTO trial (id, participant_id, place, attempt, kind, block, token, exposure_ms, started_at,
  voided)
VALUES (1, 1, 0, 0, 'test', 1, 't0', 1000, '{MOMENT}', TRUE),
  (2, 1, 0, 1, 'test', 1, 't1', 1000, '{MOMENT}', FALSE);
INSERT INTO trial_stimulus (trial_id, slot, stimulus_id, appears)
VALUES (1, 0, 2, 0), (1, 1, 1, 1), (2, 0, 1, 0), (2, 1, 2, 1);
INSERT INTO response (trial_id, rt_ms, first_ms, second_ms, hidden, blurred, resized,
  slow_frame, late, received_at)
VALUES (2, 812, 1000.5, 999.5, TRUE, FALSE, FALSE, FALSE, FALSE, '{MOMENT}');
INSERT INTO judgment (trial_id, slot, scale, value) VALUES (2, 0, 'real', 0), (2, 1, 'real', 1);
INSERT INTO stimulus_count (study_id, mode, stimulus_id, trials) VALUES (1, 'live', 2, 1);
INSERT INTO pair_count (study_id, mode, method_a, method_b, trials)
VALUES (1, 'live', 'mcl', 'real', 1);
INSERT INTO method_count (study_id, mode, method, participants) VALUES (1, 'live', 'mcl', 1);
INSERT INTO wording (study_id, language, part, text) VALUES (1, 'de', 'question', 'Welches Bild?');
INSERT INTO platform_completion (study_id, source, outcome, code_or_url)
VALUES (1, 'prolific', 'complete', 'C1');
INSERT INTO source_quota (study_id, source, places) VALUES (1, 'prolific', 20);
INSERT INTO accepted_warning (study_id, number, message, reason)
VALUES (1, 0, 'all gray', 'a study of grays');
INSERT INTO screening (participant_id, color_vision, plates_correct) VALUES (1, 'normal', 3);
INSERT INTO submitted_page (participant_id, page, submitted_at) VALUES (1, 'before', '{MOMENT}');
INSERT INTO question_answer (participant_id, name, page, type, value)
VALUES (1, 'age', 'before', 'choice', '18 to 34'), (1, 'years', 'before', 'number', NULL);
INSERT INTO link_parameter (participant_id, name, value) VALUES (1, 'batch', 'a');
INSERT INTO incident (trial_id, slot, http_status, reported_at)
VALUES (1, 0, 404, '{MOMENT}');
INSERT INTO stored_counts (participant_id, seen_at, fast_ms, counts, exposure_errors)
VALUES (1, '{MOMENT}', 200.0, '{{}}', '{{}}');
INSERT INTO unblinding (id, study_id, unblinded_at, unblinded_by, complete_count)
VALUES (1, 1, '{MOMENT}', 'ada', 1);
INSERT INTO study_change (id, study_id, changed_at, changed_by, setting, before, after,
  complete_count)
VALUES (1, 1, '{MOMENT}', 'ada', 'stop_at', '60', '80', 1);
INSERT INTO job (id, kind, study_id, state, requested_by, created_at, due_at)
VALUES (1, 'erase_traces', NULL, 'waiting', 'withdrawal', '{MOMENT}', '{MOMENT}');
INSERT INTO researcher (id, name, password_hash) VALUES (1, 'ada', NULL);
INSERT INTO logged_action (id, slug, action, done_by, done_at)
  VALUES (1, 'mine', 'opened the study', 'ada', '{MOMENT}');
INSERT INTO study_tag (study_id, tag) VALUES (1, 'pilot');
INSERT INTO login_link (token_digest, researcher_id, expires_at) VALUES ('d', 1, '{MOMENT}')
"""
ORDER_BY_VIEW = {
    **dict.fromkeys(
        ("responses_export", "judgments_export", "timing_export"), "participant, position"
    ),
    "questionnaire_export": "participant, name",
    "changes_export": "setting",
    "link_parameters_export": "participant, name",
}


def fill(connection: Connection) -> None:
    """Insert at least one row into every table."""
    for statement in ROWS.split(";\n"):
        values = {"key": b"\x01" * 32} if ":key" in statement else {}
        connection.execute(text(statement), values)


def rows(engine: Engine) -> dict[str, list[dict[str, object]]]:
    """Return every row of every table and view, in one order."""
    orders = dict.fromkeys(Base.metadata.tables, "1, 2") | ORDER_BY_VIEW
    with engine.connect() as connection:
        found = {
            table: connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()
            for table, order in orders.items()
        }
        return {table: [dict(row) for row in listed] for table, listed in found.items()}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database of the current schema with rows in every table."""
    with engine.execution_options(writes=True).begin() as connection:
        fill(connection)
    return engine


@pytest.fixture
def outdated(filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same database, to a program that has a later revision."""
    folder = tmp_path / "later"
    folder.mkdir()
    add_later_revision(folder, monkeypatch)
    return filled


def test_released_migrations_are_never_edited() -> None:
    for name, digest in RELEASED_MIGRATIONS.items():
        source = (MIGRATIONS / name).read_text(encoding="utf-8")  # with \n on every system
        assert sha256(source.encode()).hexdigest() == digest, f"{name}: add a migration instead"


def test_no_row_is_lost_on_the_way_to_a_later_revision_and_back(outdated: Engine) -> None:
    before = rows(outdated)
    assert all(before.values())
    schema.upgrade(outdated)
    after = rows(outdated)
    assert [study.pop("subtitle") for study in after["study"]] == ["none"]
    assert after == before
    assert "note" in inspect(outdated).get_table_names()
    schema.downgrade(outdated, "0001")
    assert rows(outdated) == before
    assert "note" not in inspect(outdated).get_table_names()


def test_an_older_schema_is_upgraded_by_a_command_that_backs_up_first(
    outdated: Engine, database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(
        StudyError, match=r"schema 0001, but this version needs 9001; run `study upgrade`"
    ):
        ensure_current_schema(outdated)
    before = rows(outdated)["response"]
    settings = {"STUDY_DATABASE_URL": database_url, "STUDY_INSTANCE": str(tmp_path / "instance")}
    first, second = (CliRunner(env=settings).invoke(commands, ["upgrade"]) for _ in range(2))
    assert first.output.splitlines()[-1] == f"schema 0001 -> {REVISION}"
    ensure_current_schema(outdated)
    (backup,) = (tmp_path / "instance" / "backups").iterdir()
    assert backup.name.endswith("-schema-0001.sqlite")
    kept = open_engine(f"sqlite:///{backup}")
    with kept.connect() as connection:
        assert read_revision(connection) == "0001"
        assert connection.scalar(text("SELECT COUNT(*) FROM response")) == len(before)
    kept.dispose()
    assert second.output == f"schema {REVISION} -> {REVISION}\n"  # and no second backup


def test_the_migration_makes_the_tables_of_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_orders_methods_as_python_does(engine: Engine) -> None:
    """Pairs of methods are counted by both. In most languages, a_1 would come before a1."""
    query = """
    SELECT collation_name FROM information_schema.columns
    WHERE table_name = 'stimulus' AND column_name = 'method'
    """
    with engine.connect() as connection:
        assert connection.scalar(text(query)) == "C"


def test_the_migration_makes_the_constraints_of_the_models(engine: Engine) -> None:
    """Compare what Alembic's comparison leaves out: CHECK constraints, defaults, ON DELETE."""
    migrated = describe_tables(engine)
    assert "ck_trial_repeats_an_earlier_one" in str(migrated["trial"])
    schema.downgrade(engine, "base")
    with engine.execution_options(writes=True).begin() as connection:
        Base.metadata.create_all(connection)
    assert describe_tables(engine) == migrated


def describe_tables(engine: Engine) -> dict[str, list[str]]:
    """Return the columns, constraints, foreign keys and indexes of every table, sorted."""
    inspector = inspect(engine)
    return {
        table: sorted(
            str(sorted(found.items()))
            for kind in (
                (
                    {**column, "type": repr(column["type"])}
                    for column in inspector.get_columns(table)
                ),
                inspector.get_check_constraints(table),
                inspector.get_foreign_keys(table),
                inspector.get_unique_constraints(table),
                inspector.get_indexes(table),
            )
            for found in kind
        )
        for table in Base.metadata.tables
    }


def test_down_to_nothing_leaves_nothing(filled: Engine) -> None:
    schema.downgrade(filled, "base")
    assert inspect(filled).get_table_names() == ["alembic_version"]
    assert inspect(filled).get_view_names() == []


def test_a_copied_table_keeps_its_children(filled: Engine) -> None:
    """SQLite alters a table by copying it and dropping the old one, which must not cascade."""
    copy: Literal["always", "never"] = "always" if filled.dialect.name == "sqlite" else "never"
    with (
        filled.execution_options(writes=True).connect() as connection,
        schema._schema_change(connection),
    ):
        for view in ORDER_BY_VIEW:
            connection.exec_driver_sql(f"DROP VIEW {view}")
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("study", recreate=copy) as batch:
            batch.alter_column("title", nullable=True)
    with filled.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM response").scalar() == 1
        if filled.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL refuses at once
def test_a_migration_that_orphans_rows_is_undone(filled: Engine) -> None:
    with (
        pytest.raises(StudyError, match="would break foreign keys"),
        filled.execution_options(writes=True).connect() as connection,
        schema._schema_change(connection),
    ):
        connection.exec_driver_sql("DELETE FROM study")
    assert len(rows(filled)["study"]) == 1


def test_an_unknown_schema_is_left_alone(engine: Engine) -> None:
    with write_transaction(engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StudyError, match="or another STUDY_DATABASE_URL"):
        ensure_current_schema(engine)


def test_an_empty_sqlite_database_has_no_schema(sqlite_url: str) -> None:
    assert_no_schema(sqlite_url)


def test_an_empty_postgresql_database_has_no_schema(postgresql: Databases) -> None:
    assert_no_schema(postgresql.create("empty"))


def assert_no_schema(url: str | URL) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        assert read_revision(connection) is None
    engine.dispose()
