"""What a shopper did: event types and one event of a history."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

EventType = Literal["view", "click", "add_to_cart", "purchase", "impression", "dislike"]
EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)
HISTORY_EVENT_TYPES: Final[tuple[EventType, ...]] = ("view", "click", "add_to_cart", "purchase")
"""Impressions were the shop's doing and dislikes are no wish: neither is history."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of a posted history."""

    item_id: str
    event_type: EventType = "purchase"
    timestamp_seconds: float | None = None
    """Epoch seconds, UTC; None where the caller gave no time."""
