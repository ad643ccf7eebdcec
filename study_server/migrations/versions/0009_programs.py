"""What answered each trial, and whether a program drives the browser."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIMING_EXPORT = import_module("study_server.migrations.versions.0004_single_images").TIMING_EXPORT
HELD = "response.held AS held"


def upgrade() -> None:
    op.add_column("response", sa.Column("input", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "environment",
        sa.Column("webdriver", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute("DROP VIEW timing_export")
    op.execute(TIMING_EXPORT.replace(HELD, f"{HELD},\n  COALESCE(response.input, '') AS input"))


def downgrade() -> None:
    op.execute("DROP VIEW timing_export")
    op.execute(TIMING_EXPORT)
    op.drop_column("environment", "webdriver")
    op.drop_column("response", "input")
