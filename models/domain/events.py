"""What a shopper did: event types and one event of a history."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

EventType = Literal["view", "click", "add_to_cart", "purchase", "impression", "dislike"]
EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)
EVENT_ALIASES: Final[Mapping[str, EventType]] = MappingProxyType(
    {
        # Google Retail, "User event types"
        "detail-page-view": "view",
        "add-to-cart": "add_to_cart",
        "purchase-complete": "purchase",
        # Google Analytics 4, "Recommended events"; add_to_cart and purchase are the same there
        "view_item": "view",
        "select_item": "click",
        "view_item_list": "impression",
    }
)
"""What Google Retail and GA4 call the same events, in files and over HTTP: those that are about one item. A search, a
home page or an emptied cart is about none."""
HISTORY_EVENT_TYPES: Final[tuple[EventType, ...]] = ("view", "click", "add_to_cart", "purchase")
"""Impressions were the shop's doing and dislikes are no wish: neither is history."""

EVENT_WEIGHTS: Final[Mapping[EventType, float]] = MappingProxyType(
    {"view": 0.2, "click": 0.3, "add_to_cart": 0.6, "purchase": 1.0}
)
"""How much of a wish each event of a history shows, a purchase being a whole one: where training begins."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of a posted history."""

    item_id: str
    event_type: EventType = "purchase"
    timestamp_seconds: float | None = None
    """Epoch seconds, UTC; None where the caller gave no time."""
