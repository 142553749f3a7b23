"""PostgreSQL: one pool for transactions, a small one for statements alone."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.location import StoreLocation

CONNECT_SECONDS: Final = 10
STATEMENT_SECONDS: Final = 120  # a network that swallows packets would be waited for without end
SESSION: Final = {
    "application_name": "figment",
    "timezone": "UTC",
    "lock_timeout": "30s",
    # a process that is stopped in a transaction must not hold the catalogue's lock for ever
    "idle_in_transaction_session_timeout": "60s",
}
WAIT_SECONDS: Final = 30.0  # for a free connection
LONE_CONNECTIONS: Final = 4  # a statement alone takes about half a millisecond


def make_engines(location: StoreLocation, connections: int) -> tuple[AsyncEngine, AsyncEngine, AsyncEngine]:
    """The engine that writes and the one that reads, on the same connections, and the one for statements alone."""
    # a restarted server is noticed before the transaction, not in it
    writer = _engine(location, connections, pool_pre_ping=True, isolation_level="READ COMMITTED")
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return writer, reader, _engine(location, LONE_CONNECTIONS, isolation_level="AUTOCOMMIT")


def _engine(location: StoreLocation, connections: int, **options: Any) -> AsyncEngine:
    return create_async_engine(
        location.url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            "server_settings": SESSION,
        },
        **options,
    )
