"""The frozen design, and how many people withdrew."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("design", sa.Text(), nullable=True))
    op.add_column("study", sa.Column("withdrawn", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("study", "withdrawn")
    op.drop_column("study", "design")
