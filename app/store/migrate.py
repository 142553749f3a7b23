"""Brings the tables up to date."""

from functools import cache
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.observability.logs import get_log
from app.store.location import StoreLocation
from models.domain.errors import StoreVersionUnknown

log = get_log(__name__)

SCRIPTS: Final = "app.store:migrations"
MIGRATION_LOCK: Final = 0x66_69_67_6D_65_6E_74  # "figment"; names one of PostgreSQL's advisory locks


async def migrate(connection: AsyncConnection, location: StoreLocation) -> None:
    """Runs what is missing, in the transaction of the connection. Raises StoreVersionUnknown.

    Of several processes that start at once, one migrates and the others wait: SQLite's transaction has the
    file's write lock already, PostgreSQL's takes a lock that ends with it.
    """
    if location.engine == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    await connection.run_sync(_migrate, location.place)


@cache
def head_revision() -> str:
    """The newest revision that this program knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _migrate(connection: Connection, place: str) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    if found == head_revision():
        return
    try:
        command.upgrade(_config(connection), "head")
    except CommandError:
        raise StoreVersionUnknown(place, found or "none") from None
    log.info("tables brought up to date", database=place, revision_before=found, revision=head_revision())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
