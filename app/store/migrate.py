"""Brings the tables up to date."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.observability.logs import get_log
from app.store.location import StoreLocation
from models.domain.errors import StoreVersionUnknown

if TYPE_CHECKING:
    from alembic.config import Config

log = get_log(__name__)

HEAD: Final = "0005"
"""The newest revision that this program knows; written here, because to ask Alembic takes a tenth of a second."""
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


def _migrate(connection: Connection, place: str) -> None:
    found = _revision(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_config(connection), "head")
    except CommandError:
        raise StoreVersionUnknown(place, found or "none") from None
    log.info("tables brought up to date", database=place, revision_before=found, revision=HEAD)


def _revision(connection: Connection) -> str | None:
    """That of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
