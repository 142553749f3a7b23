"""What a service remembers of its shop, and what is done with it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

from app.runtime.event_intake import EventIntake
from app.runtime.event_times import EventTimes
from app.runtime.served_lists import ServedLists
from app.runtime.shoppers import Shoppers
from app.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRules:
    """What can be set about it."""

    event_times: EventTimes = field(default_factory=EventTimes)


LISTS_KEPT: Final = timedelta(hours=1)
AS_IT_COMES: Final = ShopRules()
"""Where nothing was set."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Made by `open` when the store is there, closed before it."""

    store: Store
    intake: EventIntake
    shoppers: Shoppers
    served_lists: ServedLists

    @classmethod
    def open(cls, store: Store, rules: ShopRules) -> Self:
        """On this store."""
        served_lists = ServedLists(store, kept=LISTS_KEPT)
        return cls(store, EventIntake(store, rules.event_times), Shoppers(store), served_lists)

    async def close(self) -> None:
        """Writes what is not written yet, and closes the store."""
        await self.served_lists.close()
        await self.store.close()
