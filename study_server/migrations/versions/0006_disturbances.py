"""Images that could not be shown, a screen's dynamic range, the browser's own id of an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place IN ('left', 'right', 'center')", name="ck_incident_place"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trial.id"], name="fk_incident_trial_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", name="pk_incident"),
    )
    op.add_column(
        "environment", sa.Column("dynamic_range", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("response", sa.Column("message_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("response", "message_id")
    op.drop_column("environment", "dynamic_range")
    op.drop_table("incident")
