"""What answered each trial, and whether a program drives the browser."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

before = import_module("study_server.migrations.versions.0004_single_images")

TIMING_EXPORT = f"""
CREATE VIEW timing_export AS {before.SHOWN}
SELECT
  study.slug AS study,
  participant.name AS participant,
  participant.mode AS mode,
  shown.position AS position,
  COALESCE(shown.first_side, '') AS first_side,
  response.first_frames AS first_frames,
  response.second_frames AS second_frames,
  response.early AS early,
  response.held AS held,
  COALESCE(response.input, '') AS input
FROM shown
JOIN participant ON participant.id = shown.participant_id
JOIN study ON study.id = participant.study_id
LEFT JOIN response ON response.trial_id = shown.id
"""


def upgrade() -> None:
    op.add_column("response", sa.Column("input", sa.Text(), nullable=False, server_default=""))
    op.add_column("environment", sa.Column("webdriver", sa.Boolean(), nullable=True))
    op.execute("DROP VIEW timing_export")
    op.execute(TIMING_EXPORT)


def downgrade() -> None:
    op.execute("DROP VIEW timing_export")
    op.execute(before.TIMING_EXPORT)
    op.drop_column("environment", "webdriver")
    op.drop_column("response", "input")
