"""What has had its time is deleted while the service runs."""

import asyncio
from typing import Final

from app.observability.logs import get_log
from app.store.store import Store
from models.domain.errors import StoreError

EVERY_SECONDS: Final = 300.0

log = get_log(__name__)


async def purge_forever(store: Store) -> None:
    """Until it is cancelled; a database that is away is asked again the next time."""
    while True:
        try:
            deleted = await store.purge()
        except StoreError as error:
            log.warning("nothing purged", reason=str(error))
        else:
            log.debug("purged", rows=deleted)
        await asyncio.sleep(EVERY_SECONDS)
