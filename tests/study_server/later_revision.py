"""A made-up later revision: it tests the upgrade path before there is a real one."""

import os
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from study_server import migrations
from study_server.storage import schema

REVISION = "9001"
SOURCE = '''
"""Studies get a subtitle and may lack a title; researchers get notes."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "0001"

initial = import_module("study_server.migrations.versions.0001_initial_schema")


def upgrade():
    initial.drop_views()
    with op.batch_alter_table("study") as batch:  # SQLite copies the table, children refer to it
        batch.alter_column("title", nullable=True)
        batch.add_column(sa.Column("subtitle", sa.Text(), nullable=False, server_default="none"))
    op.create_table("note", sa.Column("id", sa.Integer(), primary_key=True))
    initial.create_views()


def downgrade():
    initial.drop_views()
    op.drop_table("note")
    with op.batch_alter_table("study") as batch:
        batch.drop_column("subtitle")
        batch.alter_column("title", nullable=False)
    initial.create_views()
'''


def add_later_revision(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the program believe that it works with revision 9001, until the test ends."""
    (folder / "9001_subtitle.py").write_text(SOURCE)
    versions = Path(str(migrations.__file__)).parent / "versions"
    original = schema._alembic_config

    def with_folder(connection: Connection | None = None) -> Config:
        config = original(connection)
        config.set_main_option("version_locations", os.pathsep.join((str(versions), str(folder))))
        return config

    monkeypatch.setattr(schema, "_alembic_config", with_folder)
    migrations_with_folder = ScriptDirectory.from_config(with_folder())
    monkeypatch.setattr(schema, "_read_migrations", lambda: migrations_with_folder)
