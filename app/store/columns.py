"""Column types that mean the same on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

Clock = Callable[[], datetime]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The time of this process, with its zone."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant to the microsecond; it comes back in UTC.

    `timestamptz` on PostgreSQL; on SQLite text of fixed width in UTC, whose order is that of time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """An instant without a zone is a mistake of the caller."""
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant needs a zone"
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """SQLite forgets the zone, PostgreSQL answers in that of the connection."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """A JSON document as text.

    Not PostgreSQL's jsonb, which refuses the character U+0000 and forgets the order of keys; no query looks inside.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Absent stays absent; a JSON null cannot be the whole document."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """The document."""
        return None if value is None else orjson.loads(value)


Id: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Sorted by bytes on both engines, so that a page of ids ends at the same one wherever it is stored."""

RowNumber: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows by itself only in a column that is called INTEGER; its integers have 64 bits too."""
