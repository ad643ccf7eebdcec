"""What the participants of a study read, and in which language each of them does."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PARTS = "'consent', 'instructions', 'question', 'debrief'"


def upgrade() -> None:
    op.create_table(
        "wording",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(f"part IN ({PARTS})", name=op.f("ck_wording_part")),
        sa.CheckConstraint("text <> ''", name=op.f("ck_wording_not_empty")),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_wording_study_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "language", "part", name=op.f("pk_wording")),
    )
    spoken = sa.Column("language", sa.Text(), nullable=False, server_default="en")
    op.add_column("participant", spoken)


def downgrade() -> None:
    op.drop_column("participant", "language")
    op.drop_table("wording")
