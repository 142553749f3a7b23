"""Concepts that were told, to be pictured by their ids."""

import sqlalchemy as sa
from alembic import op

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "concepts",
        sa.Column("concept_id", ID, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("concept_id", name="pk_concepts"),
    )
    op.create_index("ix_concepts_told_at", "concepts", ["told_at"])


def downgrade() -> None:
    """Back."""
    op.drop_table("concepts")
