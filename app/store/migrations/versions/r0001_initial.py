"""All tables of the first version."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    "catalogue",
    "items",
    "events",
    "session_merges",
    "idempotency_keys",
    "api_keys",
    "jobs",
    "served_lists",
    "outcomes",
    "exposures",
    "item_exposures",
    "rate_counters",
    "active_model",
)


def upgrade() -> None:
    """Forward."""
    _create_catalogue()
    _create_events()
    _create_access()
    _create_jobs()
    _create_lists()
    _create_outcomes()


def downgrade() -> None:
    """Back."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _id() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _key_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, _id(), nullable=False) for name in ("experiment_id", "variant_id", "model_version")),
    ]


def _create_catalogue() -> None:
    catalogue = op.create_table(
        "catalogue",
        sa.Column("catalogue_id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("seeded_from", sa.Text),
        sa.PrimaryKeyConstraint("catalogue_id", name="pk_catalogue"),
    )
    op.bulk_insert(catalogue, [{"catalogue_id": 1, "revision": 0, "seeded_from": None}])
    op.create_table(
        "items",
        sa.Column("item_id", _id(), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("content_revision", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("seeded_from", sa.Text),
        sa.Column("offer_written", sa.Boolean, nullable=False),
        sa.Column("changed_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_items"),
    )
    op.create_index("ix_items_revision", "items", ["revision"], unique=True)
    op.create_index("ix_items_seeded_from", "items", ["seeded_from"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("event_number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("event_id", _id()),
        sa.Column("user_id", _id()),
        sa.Column("session_id", _id()),
        sa.Column("item_id", _id(), nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("timestamp", _instant(), nullable=False),
        sa.Column("recommendation_id", _id()),
        sa.Column("details", sa.Text),
        sa.Column("received_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("event_number", name="pk_events"),
    )
    op.create_index("ix_events_event_id", "events", ["event_id"], unique=True)
    op.create_index("ix_events_user", "events", ["user_id", "timestamp", "event_number"])
    op.create_index("ix_events_session", "events", ["session_id", "timestamp", "event_number"])
    op.create_table(
        "session_merges",
        sa.Column("session_id", _id(), nullable=False),
        sa.Column("user_id", _id(), nullable=False),
        sa.Column("merged_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_session_merges"),
    )
    op.create_index("ix_session_merges_user_id", "session_merges", ["user_id"])


def _create_access() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("claim_digest", sa.Text, nullable=False),
        sa.Column("body_digest", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("lease_until", _instant(), nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("answer", sa.Text),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("claim_digest", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", _id(), nullable=False),
        sa.Column("secret_digest", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("origins", sa.Text, nullable=False),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("revoked_at", _instant()),
        sa.Column("last_used_on", sa.Date),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "rate_counters",
        sa.Column("counter_digest", sa.Text, nullable=False),
        sa.Column("hits", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("counter_digest", name="pk_rate_counters"),
        prefixes=["UNLOGGED"] if on_postgresql else [],
    )
    op.create_index("ix_rate_counters_expires_at", "rate_counters", ["expires_at"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", _id(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("payload", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("key_id", _id()),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.Text),
        sa.Column("lease_until", _instant()),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "created_at"])
    op.create_table(
        "active_model",
        sa.Column("active_model_id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("previous", sa.Text),
        sa.Column("switches", sa.BigInteger, nullable=False),
        sa.Column("switched_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("active_model_id", name="pk_active_model"),
    )


def _create_lists() -> None:
    op.create_table(
        "served_lists",
        sa.Column("recommendation_id", _id(), nullable=False),
        sa.Column("user_id", _id()),
        sa.Column("session_id", _id()),
        sa.Column("key_id", _id()),
        sa.Column("experiment_id", sa.Text),
        sa.Column("variant_id", sa.Text),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("index_version", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("recommendation_id", name="pk_served_lists"),
    )
    for column in ("user_id", "session_id", "expires_at"):
        op.create_index(f"ix_served_lists_{column}", "served_lists", [column])


def _create_outcomes() -> None:
    variant = ("day", "experiment_id", "variant_id", "model_version")
    op.create_table(
        "outcomes",
        *_key_columns(),
        sa.Column("event_type", _id(), nullable=False),
        sa.Column("currency", _id(), nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.Double, nullable=False),
        sa.Column("revenue", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint(*variant, "event_type", "currency", name="pk_outcomes"),
    )
    op.create_table(
        "exposures",
        *_key_columns(),
        sa.Column("lists", sa.BigInteger, nullable=False),
        sa.Column("items_shown", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(*variant, name="pk_exposures"),
    )
    op.create_table(
        "item_exposures",
        *_key_columns(),
        sa.Column("item_id", _id(), nullable=False),
        sa.Column("times_shown", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(*variant, "item_id", name="pk_item_exposures"),
    )
