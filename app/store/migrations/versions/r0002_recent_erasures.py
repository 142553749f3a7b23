"""Who was erased a moment ago, so that what was on its way then is not stored after it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "recent_erasures",
        sa.Column("bucket", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_recent_erasures"),
    )
    op.create_index("ix_recent_erasures_erased_at", "recent_erasures", ["erased_at"])


def downgrade() -> None:
    """Back."""
    op.drop_table("recent_erasures")
