"""Embeddings of the texts of new and changed items."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "text_embeddings",
        sa.Column("encoder", sa.Text, nullable=False),
        sa.Column("text_digest", sa.Text, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("used_on", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("encoder", "text_digest", name="pk_text_embeddings"),
    )
    op.create_index("ix_text_embeddings_used_on", "text_embeddings", ["used_on"])


def downgrade() -> None:
    """Back."""
    op.drop_table("text_embeddings")
