"""What participants are asked before the first trial, and what a platform wants at the end."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OUTCOMES = "'active', 'complete', 'screened_out', 'abandoned', 'timed_out', 'returned'"


def upgrade() -> None:
    op.create_table(
        "screening",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("color_vision", sa.String(16), nullable=True),
        sa.Column("night_light", sa.String(16), nullable=True),
        sa.Column("plates_correct", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "color_vision IN ('normal', 'deficient', 'unknown')", name="ck_screening_colorvision"
        ),
        sa.CheckConstraint(
            "night_light IN ('off', 'on', 'unknown')", name="ck_screening_nightlight"
        ),
        sa.CheckConstraint("plates_correct >= 0", name="ck_screening_plates_not_negative"),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name="fk_screening_participant_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("participant_id", name="pk_screening"),
    )
    op.create_table(
        "ending",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "source IN ('link', 'prolific', 'mturk', 'sona')", name="ck_ending_source"
        ),
        sa.CheckConstraint(f"outcome IN ({OUTCOMES})", name="ck_ending_outcome"),
        sa.CheckConstraint("text <> ''", name="ck_ending_not_empty"),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name="fk_ending_study_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "source", "outcome", name="pk_ending"),
    )


def downgrade() -> None:
    op.drop_table("ending")
    op.drop_table("screening")
