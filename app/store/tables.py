"""All tables. A change here needs a migration in `migrations/versions`; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

from app.store.columns import Id, JsonText, RowNumber, UtcDateTime

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s"},
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("catalogue_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("seeded_from", Text),
    Column("seeding", Text),
)
"""One row. Who writes items locks it first, so revisions are given out in the order of commits.

`seeded_from`: the bundle whose catalogue was laid last, to its end. `seeding`: the token of the one being laid.
"""

items = Table(
    "items",
    metadata,
    Column("item_id", Id, primary_key=True),
    Column("fields", JsonText, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("content_revision", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("seeded_from", Text, index=True),
    Column("offer_written", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_items_revision", "revision", unique=True),
)

text_embeddings = Table(
    "text_embeddings",
    metadata,
    Column("encoder", Text, primary_key=True),
    Column("text_digest", Text, primary_key=True),
    Column("embedding", LargeBinary, nullable=False),
    Column("used_on", Date, nullable=False, index=True),
)
"""What the texts of new and changed items became: it takes milliseconds each, and every process needs it."""

events = Table(
    "events",
    metadata,
    Column("event_number", RowNumber, primary_key=True),
    Column("event_id", Id),
    Column("user_id", Id),
    Column("session_id", Id),
    Column("item_id", Id, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("recommendation_id", Id),
    Column("details", JsonText),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_events_event_id", "event_id", unique=True),
    Index("ix_events_user", "user_id", "timestamp", "event_number"),
    Index("ix_events_session", "session_id", "timestamp", "event_number"),
)
"""`event_id`: with marks and a digest of the visitor where it came with a publishable key.
`details`: quantity, unit_price, currency and rating as they were sent."""

session_merges = Table(
    "session_merges",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("user_id", Id, nullable=False, index=True),
    Column("merged_at", UtcDateTime, nullable=False),
)
"""Which account a guest's session belongs to, for its events that arrive later."""

recent_erasures = Table(
    "recent_erasures",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("erased_at", UtcDateTime, nullable=False, index=True),
)
"""A bucket is one of 65,536 that all names share: too few to tell whose erasure it was."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("claim_digest", Text, primary_key=True),
    Column("body_digest", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("status", SmallInteger),
    Column("answer", Text),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Id, primary_key=True),
    Column("secret_digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scopes", JsonText, nullable=False),
    Column("origins", JsonText, nullable=False),
    Column("requests_per_minute", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("last_used_on", Date),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Double, nullable=False),
    Column("payload", JsonText),
    Column("result", JsonText),
    Column("error", Text),
    Column("key_id", Id),
    Column("attempts", Integer, nullable=False),
    Column("token", Text),
    Column("lease_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_jobs_state", "state", "created_at"),
)

served_lists = Table(
    "served_lists",
    metadata,
    Column("recommendation_id", Id, primary_key=True),
    Column("user_id", Id, index=True),
    Column("session_id", Id, index=True),
    Column("key_id", Id),
    Column("experiment_id", Text),
    Column("variant_id", Text),
    Column("model_version", Text, nullable=False),
    Column("index_version", Text, nullable=False),
    Column("request", JsonText, nullable=False),
    Column("items", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("day", Date, primary_key=True),
    Column("experiment_id", Id, primary_key=True),
    Column("variant_id", Id, primary_key=True),
    Column("model_version", Id, primary_key=True),
    Column("event_type", Id, primary_key=True),
    Column("currency", Id, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("quantity", Double, nullable=False),
    Column("revenue", Double, nullable=False),
)
"""Sums; an empty text stands for none, because a key cannot be absent."""

exposures = Table(
    "exposures",
    metadata,
    Column("day", Date, primary_key=True),
    Column("experiment_id", Id, primary_key=True),
    Column("variant_id", Id, primary_key=True),
    Column("model_version", Id, primary_key=True),
    Column("lists", BigInteger, nullable=False),
    Column("items_shown", BigInteger, nullable=False),
)

item_exposures = Table(
    "item_exposures",
    metadata,
    Column("day", Date, primary_key=True),
    Column("experiment_id", Id, primary_key=True),
    Column("variant_id", Id, primary_key=True),
    Column("model_version", Id, primary_key=True),
    Column("item_id", Id, primary_key=True),
    Column("times_shown", BigInteger, nullable=False),
)

rate_counters = Table(
    "rate_counters",
    metadata,
    Column("counter_digest", Text, primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
"""On PostgreSQL the migration makes it UNLOGGED: a counter of a minute need not outlive a crash of the server."""

active_model = Table(
    "active_model",
    metadata,
    Column("active_model_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", Text, nullable=False),
    Column("previous", Text),
    Column("switches", BigInteger, nullable=False),
    Column("switched_at", UtcDateTime, nullable=False),
)
"""At most one row."""

concepts = Table(
    "concepts",
    metadata,
    Column("concept_id", Id, primary_key=True),
    Column("category", Text),
    Column("words", JsonText, nullable=False),
    Column("told_at", UtcDateTime, nullable=False, index=True),
)
"""What a picture needs of each concept that was told."""
