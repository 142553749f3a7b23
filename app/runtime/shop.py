"""What a service remembers of its shop, and what is done with it."""

from dataclasses import dataclass, field
from typing import Final, Self

from app.runtime.event_intake import EventIntake
from app.runtime.event_times import EventTimes
from app.runtime.item_intake import ItemIntake
from app.runtime.serving import Serving
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
    serving: Serving
    items: ItemIntake

    @classmethod
    def open(cls, store: Store, rules: ShopRules, serving: Serving) -> Self:
        """On this store; `serving` is what answers from it."""
        intake = EventIntake(store, rules.event_times)
        return cls(store, intake, Shoppers(store), serving, ItemIntake(store, serving))

    async def close(self) -> None:
        """Follows the store no more, writes what is not written yet, and closes it."""
        await self.serving.close()
        await self.store.close()
