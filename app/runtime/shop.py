"""What a service remembers of its shop, and what is done with it."""

from dataclasses import dataclass, field
from typing import Final, Self

from app.runtime.event_intake import EventIntake
from app.runtime.event_times import EventTimes
from app.runtime.shoppers import Shoppers
from app.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRules:
    """What can be set about it."""

    event_times: EventTimes = field(default_factory=EventTimes)


AS_IT_COMES: Final = ShopRules()
"""Where nothing was set."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Made by `open` when the store is there, closed before it."""

    store: Store
    intake: EventIntake
    shoppers: Shoppers

    @classmethod
    def open(cls, store: Store, rules: ShopRules) -> Self:
        """On this store."""
        return cls(store, EventIntake(store, rules.event_times), Shoppers(store))

    async def close(self) -> None:
        """Writes what is not written yet, and closes the store."""
        await self.store.close()
