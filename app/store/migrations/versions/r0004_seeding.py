"""Which bundle's catalogue is being laid, so that two at once do not take each other's items away."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forward."""
    op.add_column("catalogue", sa.Column("seeding", sa.Text))


def downgrade() -> None:
    """Back."""
    op.drop_column("catalogue", "seeding")
