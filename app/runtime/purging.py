"""What has had its time is deleted while the service runs."""

import asyncio
from typing import Final

from app.observability.logs import get_log
from app.runtime.going_on import going_on
from app.store.store import Store

EVERY_SECONDS: Final = 300.0

log = get_log(__name__)


async def purge_forever(store: Store) -> None:
    """Until it is cancelled; a database that is away is asked again the next time."""
    while True:
        with going_on("nothing purged"):
            log.debug("purged", rows=await store.purge())
        await asyncio.sleep(EVERY_SECONDS)
