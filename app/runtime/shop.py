"""What a service remembers of its shop, and what is done with it."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

from app.observability.metrics import Metrics
from app.runtime.event_intake import EventIntake
from app.runtime.event_times import EventTimes
from app.runtime.experiments import Experiments
from app.runtime.item_intake import ItemIntake
from app.runtime.outcome_figures import Outcomes
from app.runtime.served_lists import ServedLists
from app.runtime.serving import Serving
from app.runtime.shoppers import Shoppers
from app.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRules:
    """What can be set about it."""

    event_times: EventTimes = field(default_factory=EventTimes)
    attribution_window: timedelta = timedelta(hours=24)
    """How long after a list was served an event is put down to it."""
    experiments: Experiments = field(default_factory=lambda: Experiments({}))


EVENTS_LATE: Final = timedelta(hours=1)
"""After the window, lists are kept for events of it that come later."""
AS_IT_COMES: Final = ShopRules()
"""Where nothing was set."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Made by `open` when the store is there, closed before it."""

    store: Store
    served_lists: ServedLists
    intake: EventIntake
    shoppers: Shoppers
    outcomes: Outcomes
    experiments: Experiments
    serving: Serving
    items: ItemIntake

    @classmethod
    def open(cls, store: Store, rules: ShopRules, metrics: Metrics, serving: Serving) -> Self:
        """On this store, within a running event loop; `serving` is what answers from it."""
        window = rules.attribution_window
        served_lists = ServedLists(store, kept=window + EVENTS_LATE)
        return cls(
            store=store,
            served_lists=served_lists,
            intake=EventIntake(store, served_lists, rules.event_times, metrics, window=window),
            shoppers=Shoppers(store, served_lists),
            outcomes=Outcomes(store, window=window),
            experiments=rules.experiments,
            serving=serving,
            items=ItemIntake(store, serving),
        )

    async def close(self) -> None:
        """Follows the store no more, writes what is not written yet, and closes it."""
        async with AsyncExitStack() as closing:  # one that fails does not keep the next from being closed
            closing.push_async_callback(self.store.close)
            closing.push_async_callback(self.served_lists.close)
            closing.push_async_callback(self.serving.close)
